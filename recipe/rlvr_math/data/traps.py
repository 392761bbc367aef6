"""What is known to be wrong with the published data sets, each with its source. `prepare` writes it into the manifest.

Nothing is mended: a number on a mended set compares with no one's. "own solution" is the `solution` column of the published
file, in which everybody can look it up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from recipe.rlvr_math.data.problems import Problem, same_text


@dataclass(frozen=True)
class Trap:
    """kind, what, source: for people. phrases: problems with one of these texts in them are concerned; none: the whole set."""

    kind: str
    what: str
    source: str
    phrases: tuple[str, ...] = ()


_SEEN = Trap(
    "seen in training",
    "Qwen2.5 models are reported to complete many of its problems from their beginnings, as if pre-trained on them",
    "arXiv:2507.10532",
)
_TRAPS: dict[str, tuple[Trap, ...]] = {
    "dapo-math-17k": (
        Trap(
            "repeated prompts",
            "the published file has 1.79 million rows, each of about 17 thousand prompts a hundred times",
            "https://github.com/BytedTsinghua-SIA/DAPO/issues/36",
        ),
    ),
    "aime-2024": (
        _SEEN,
        Trap(
            "repeated prompts",
            "DAPO's copy (aime-2024.parquet beside its training set) has each problem 32 times, for one sample of each row",
            "https://github.com/volcengine/verl/issues/3065",
        ),
    ),
    "amc-2023": (_SEEN,),
    "math-500": (_SEEN,),
    "minerva": (
        Trap(
            "answers in prompts",
            "the prompt has earlier parts with their answers, and most of these parts are problems of the set themselves",
            "the problems: 'Final answer: The final answer is ...'",
            ("I hope it is correct",),
        ),
        Trap(
            "rounded gold",
            "the answer is 1.6, though the problem asks for no rounding and its value is 1.5708",
            "own solution, (45/3600)(pi/180)7200",
            ("Each of the two Magellan telescopes has a diameter of",),
        ),
    ),
    "olympiadbench": (
        Trap(
            "wrong gold",
            "the answer is 't(0,4]', which is no interval; (0,4] is meant, the values of t",
            "own solution",
            ("A collection $T$ of triangles is called good, if the following conditions hold",),
        ),
        Trap(
            "unsolvable",
            "relay problems: they need the answers to two other problems, which their text does not have",
            "the problems: 'the number you will receive from position 7'",
            ("you will receive from position 7",),
        ),
        Trap(
            "order matters",
            "the answers are values of several unknowns in the question's order; compared as a set, exchanged ones pass too",
            "own solutions: m = 221, n = 8; w = 16, d = 3, a = b = 1; x = 19, y = 0, z = 1; a = b = -2",
            (
                "determine positive integers $m$ and $n$ for which",
                "if total points awarded are given by the formula",
                "In a soccer league with 5 teams, each team plays 20 games",
                "Suppose that $a(x+b(x+3))=2(x+6)$ for all values of $x$",
            ),
        ),
        Trap(
            "gold in words",
            "the answer is a formula with a sentence on its parameters, which no other wording meets",
            "the final_answer column",
            (r"That is, $\mho(n)$ is the number of prime factors of $n$ greater than",),
        ),
    ),
}


def known_traps(name: str, problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """The traps of a data set: {"kind", "what", "source", "index"}; index: of the problems concerned, from 0, empty for all.

    One that concerns single problems is left out where none of them is there: another version of the set may not have it.
    """
    texts = [same_text(problem.text) for problem in problems]
    found = []
    for trap in _TRAPS.get(name, ()):
        phrases = [same_text(phrase) for phrase in trap.phrases]
        index = [i for i, text in enumerate(texts) if any(phrase in text for phrase in phrases)]
        if index or not phrases:
            found.append({"kind": trap.kind, "what": trap.what, "source": trap.source, "index": index})
    return found
