"""A verdict explained: `python -m recipe.rlvr_math.reward.judge GOLD RESPONSE`; `-` for a response from standard input.

It prints the answer that was found and where, how each side was read, the rules by which the two were compared, and the verdict
that training and evaluation use.
"""

from __future__ import annotations

import argparse
import sys

from recipe.rlvr_math.reward.answers import MAX_ANSWER, find_answer
from recipe.rlvr_math.reward.reading import (
    Based,
    Builder,
    Chain,
    Colon,
    Either,
    Group,
    Matrix,
    Node,
    Sets,
    Several,
    Value,
    Words,
    read,
)
from recipe.rlvr_math.reward.score import decide
from recipe.rlvr_math.reward.verifier_pool import VerifierTimeout
from recipe.rlvr_math.reward.writing import plain


def explain(gold: str, response: str, timeout: float = 5.0) -> list[str]:
    """The lines that the command prints."""
    found = find_answer(response)
    lines = [f"gold       {gold}", f"  read as  {describe(read(plain(gold)))}"]
    if found is None:
        return [*lines, "answer     none: the response has no box and no answer line", "verdict    wrong"]
    lines.append(f"answer     {found.text[:MAX_ANSWER]}")
    lines.append(f"  where    {found.place}, character {found.start} of {len(response)}")
    if len(found.text) > MAX_ANSWER:
        return [*lines, f"verdict    wrong: it has more than {MAX_ANSWER} characters"]
    lines.append(f"  read as  {describe(read(plain(found.text)))}")
    try:
        right, rules = decide(gold, found.text, timeout)
    except VerifierTimeout:
        right, rules = False, [f"not decided in {timeout} s of computer algebra"]
    lines += [f"{'decided by' if i == 0 else '':<10} {rule}" for i, rule in enumerate(rules)]
    return [*lines, f"verdict    {'right' if right else 'wrong'}"]


def describe(node: Node) -> str:
    """A node of `reading` in words."""
    match node:
        case Value(text, unit):
            return f"{text or 'nothing'}" + (f" in {unit}" if unit else "")
        case Several(()):
            return "the empty set"
        case Several(items):
            return f"{len(items)} in any order: " + "; ".join(map(describe, items))
        case Group(opening, items, closing):
            return f"in order: {opening}" + "; ".join(map(describe, items)) + closing
        case Chain(parts, relations):
            return parts[0] + "".join(f" {relation} {part}" for relation, part in zip(relations, parts[1:], strict=True))
        case Sets(operation, items):
            return f" {operation} ".join(map(describe, items))
        case Builder(name, condition):
            return f"all {name} with {describe(condition)}"
        case Matrix(rows):
            return "a matrix: " + " / ".join(", ".join(map(describe, row)) for row in rows)
        case Based(digits, base):
            return f"{digits} to base {base}"
        case Colon(parts):
            return ":".join(parts)
        case Words(text):
            return f"the words {text!r}"
        case Either(readings):
            return " or else ".join(map(describe, readings))
    raise AssertionError(node)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m recipe.rlvr_math.reward.judge", description=__doc__.splitlines()[0])
    parser.add_argument("gold", help="the right answer, in LaTeX or plain text")
    parser.add_argument("response", help="the whole response, or - to read it from standard input")
    parser.add_argument("--timeout", type=float, default=5.0, help="seconds of CPU time for computer algebra (default 5)")
    options = parser.parse_args(arguments)
    response = sys.stdin.read() if options.response == "-" else options.response
    print("\n".join(explain(options.gold, response, options.timeout)))


if __name__ == "__main__":
    main()
