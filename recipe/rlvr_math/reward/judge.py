"""A verdict explained: `python -m recipe.rlvr_math.reward.judge GOLD RESPONSE`; `-` for a response from standard input.

What a data set states of the right answer is given as `--unit km --error 0.1 --multiple --type Tuple`, or with the right answer
as a row of a file of `prepare`: `python -m recipe.rlvr_math.reward.judge --data test.parquet --row 3 RESPONSE`.

It prints the answer that was found and where, how each side was read, the rules by which the two were compared, and the verdict
that training and evaluation use.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from recipe.rlvr_math.reward import nodes
from recipe.rlvr_math.reward.answers import MAX_ANSWER, find_answer
from recipe.rlvr_math.reward.reading import read
from recipe.rlvr_math.reward.score import decide
from recipe.rlvr_math.reward.stated import NOTHING, Stated, dressed, exact_error
from recipe.rlvr_math.reward.thinking import MODES, after_thinking
from recipe.rlvr_math.reward.verifier_pool import VerifierTimeout
from recipe.rlvr_math.reward.writing import plain
from recipe.text.visible import visible


def explain(gold: str, response: str, timeout: float = 5.0, stated: Stated = NOTHING) -> list[str]:
    """The lines that the command prints."""
    found = find_answer(response)
    facts = ", ".join(f"{name} {value}" for name, value in asdict(stated).items() if value is not None)
    lines = [f"gold       {gold}", *([f"  stated   {facts}"] if facts else [])]
    lines.append(f"  read as  {describe(dressed(plain(gold), stated))}")
    if found is None:
        return [*lines, "answer     none: the response has no box and no answer line", "verdict    wrong"]
    lines.append(f"answer     {found.text[:MAX_ANSWER]}")
    lines.append(f"  where    {found.place}, character {found.start} of {len(response)}")
    if len(found.text) > MAX_ANSWER:
        return [*lines, f"verdict    wrong: it has more than {MAX_ANSWER} characters"]
    lines.append(f"  read as  {describe(read(plain(found.text)))}")
    try:
        right, rules = decide(gold, found.text, timeout, stated)
    except VerifierTimeout:
        right, rules = False, [f"not decided in {timeout} s of computer algebra"]
    lines += [f"{'decided by' if i == 0 else '':<10} {rule}" for i, rule in enumerate(rules)]
    return [*lines, f"verdict    {'right' if right else 'wrong'}"]


def describe(node: nodes.Node) -> str:
    """A node of `reading` in words."""
    match node:
        case nodes.Value(text, unit, error):
            stated = f" with an error of {error}" if error is not None else ""
            return (text or "nothing") + (f" in {unit}" if unit else "") + stated
        case nodes.Several(()):
            return "the empty set"
        case nodes.Several(items, in_order):
            return f"{len(items)} in {'this' if in_order else 'any'} order: " + "; ".join(map(describe, items))
        case nodes.Group(opening, items, closing, is_tuple):
            return f"{'a tuple' if is_tuple else 'in order'}: {opening}" + "; ".join(map(describe, items)) + closing
        case nodes.Chain(parts, relations):
            return parts[0] + "".join(f" {relation} {part}" for relation, part in zip(relations, parts[1:], strict=True))
        case nodes.Sets(operation, items):
            return f" {operation} ".join(map(describe, items))
        case nodes.Builder(name, condition):
            return f"all {name} with {describe(condition)}"
        case nodes.Matrix(rows):
            return "a matrix: " + " / ".join(", ".join(map(describe, row)) for row in rows)
        case nodes.Based(digits, base):
            return f"{digits} to base {base}"
        case nodes.Colon(parts):
            return ":".join(parts)
        case nodes.Words(text):
            return f"the words {text!r}"
        case nodes.Either(readings):
            return " or else ".join(map(describe, readings))
    raise AssertionError(node)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m recipe.rlvr_math.reward.judge", description=__doc__.splitlines()[0])
    parser.add_argument("gold", nargs="?", help="the right answer, in LaTeX or plain text; not with --data")
    parser.add_argument("response", help="the whole response, or - to read it from standard input")
    parser.add_argument("--timeout", type=float, default=5.0, help="seconds of CPU time for computer algebra (default 5)")
    parser.add_argument("--unit", help="the unit of the right answer")
    parser.add_argument("--error", help="its absolute error")
    parser.add_argument("--multiple", action=argparse.BooleanOptionalAction, help="whether it is several answers")
    parser.add_argument("--type", help="its type; Tuple means something here")
    parser.add_argument("--data", type=Path, help="a parquet file of prepare, for the answer of its --row")
    parser.add_argument("--row", type=int, default=0, help="the row, from 0 (default 0)")
    parser.add_argument("--thinking", choices=MODES, default="none", help="which part of the response counts (default: all)")
    options = parser.parse_args(arguments)
    given = {"unit": options.unit, "error": options.error, "is_multiple_answer": options.multiple, "answer_type": options.type}
    if (options.data is None) == (options.gold is None):
        parser.error("give the right answer, or --data with --row, and then the response")
    if options.error is not None and exact_error(options.error) is None:
        parser.error(f"--error is a number that is not negative, not {options.error!r}")
    gold, info = (options.gold, {}) if options.data is None else _row(parser, options.data, options.row)
    response = sys.stdin.read() if options.response == "-" else options.response
    response = after_thinking(response, options.thinking)
    stated = Stated.of(info | {name: value for name, value in given.items() if value is not None})
    print(visible("\n".join(explain(gold, response, options.timeout, stated))))


def _row(parser: argparse.ArgumentParser, file: Path, number: int) -> tuple[str, dict]:
    """The right answer of a row, and its `extra_info`."""
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(file, columns=["reward_model", "extra_info"])
    except (OSError, ValueError) as error:
        parser.error(f"{file} is no file of prepare: {error}")
    if not 0 <= number < len(table):
        parser.error(f"{file} has rows 0 to {len(table) - 1}, and no row {number}")
    row = table.slice(number, 1).to_pylist()[0]
    return str(row["reward_model"]["ground_truth"]), row["extra_info"]


if __name__ == "__main__":
    main()
