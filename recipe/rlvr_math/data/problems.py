"""Which problems are one: repeated rows, contradicting answers, and problems that two data sets share."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from recipe.rlvr_math.data.source import Row
from recipe.rlvr_math.reward.stated import NOTHING, Stated

_SPACING = re.compile(r"\\[,;:!> ]|\\q?quad\b|~|\s+")
_STYLE = re.compile(r"\\(?:left|right|displaystyle)(?![a-z])|\\[()\[\]]")
_FRACTION = re.compile(r"\\[dt]frac")
_PUNCTUATION = re.compile(r"""[.,;:!?'"`${}]""")


@dataclass(frozen=True)
class Problem:
    """A problem with its one answer. `row` is the number of its first row in the source, from 1."""

    text: str
    answer: str
    row: int
    stated: Stated = NOTHING


@dataclass(frozen=True)
class Conflict:
    """A problem with answers that contradict each other: (row number, answer), and the number of rows."""

    answers: list[tuple[int, str]]
    count: int


def same_text(text: str) -> str:
    """Equal for texts that differ in white space, LaTeX spacing or Unicode form only. Such problems are one."""
    return _SPACING.sub("", unicodedata.normalize("NFC", text))


def loose_text(text: str) -> str:
    """Equal also for texts that differ in case, punctuation, dollar signs or braces. Such problems are probably one."""
    text = _SPACING.sub("", unicodedata.normalize("NFKC", text).casefold())
    return _PUNCTUATION.sub("", _FRACTION.sub(r"\\frac", _STYLE.sub("", text)))


def distinct(rows: Iterable[Row], same_answer: Callable[[str, str], bool]) -> tuple[list[Problem], list[Conflict]]:
    """Problems in the order of their first row, without those whose rows have answers that are not the same.

    Nor are equal numbers of different units, or with different errors, the same answer.
    """
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(same_text(row.prompt), []).append(row)
    problems, conflicts = [], []
    for group in groups.values():
        first = group[0]
        if all(
            row.stated == first.stated and (row.answer == first.answer or same_answer(first.answer, row.answer))
            for row in group[1:]
        ):
            problems.append(Problem(first.prompt, first.answer, first.number, first.stated))
        else:
            conflicts.append(Conflict([(row.number, row.answer) for row in group], sum(row.count for row in group)))
    return problems, conflicts


def shared(train: dict[str, str], test: dict[str, str]) -> dict[str, list[list[str]]]:
    """Pairs [train id, test id] of problems (id -> text) that both have; "normalised" has those that are not "exact"."""
    exact: dict[str, list[str]] = {}
    loose: dict[str, list[str]] = {}
    for identity, text in train.items():
        exact.setdefault(text.strip(), []).append(identity)
        loose.setdefault(loose_text(text), []).append(identity)
    pairs: dict[str, list[list[str]]] = {"exact": [], "normalised": []}
    for identity, text in test.items():
        same = exact.get(text.strip(), [])
        pairs["exact"] += [[other, identity] for other in same]
        pairs["normalised"] += [[other, identity] for other in loose.get(loose_text(text), []) if other not in same]
    return pairs
