"""What a data set states about an answer beside the answer: its unit, its error, whether it is several answers, its type.

`prepare` writes these as fields of a row's `extra_info`, under OlympiadBench's names; verl hands `extra_info` to the reward.
`dressed` makes them a part of the right answer, which is then compared by the same rules as any other (`equality`):

* `error`, an absolute one, of each number: |answer - gold| <= error, computed exactly. OlympiadBench's own grader allows 1.01
  errors, and also a hundredth and a hundred times the gold; here neither (0.042 does not meet 4.2 %).
* `is_multiple_answer`: true, and "100,200" is two answers, never 100200; false, and it is 100200.
* `unit`: an answer may carry it, or none, and no other.
* `answer_type` Tuple: an inequality is none, though (1, 4) may be written as one where it is an interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import Any

from recipe.rlvr_math.reward.nodes import Chain, Either, Group, Node, Several, Value
from recipe.rlvr_math.reward.numerals import numeral
from recipe.rlvr_math.reward.reading import read
from recipe.rlvr_math.reward.units import name_of, written
from recipe.rlvr_math.reward.writing import plain


@dataclass(frozen=True)
class Stated:
    """The fields of `extra_info`; None where the data set says nothing. `error` is text, so that 1e-1 is exact."""

    answer_type: str | None = None
    unit: str | None = None
    error: str | None = None
    is_multiple_answer: bool | None = None

    @classmethod
    def of(cls, extra_info: Mapping[str, Any] | None) -> Stated:
        """From a row's `extra_info`; what is not of the field's type counts as not stated."""
        if not extra_info or all(extra_info.get(name) is None for name in FIELDS):
            return NOTHING
        found = {name: str(extra_info[name]) for name in FIELDS[:3] if extra_info.get(name) not in (None, "")}
        multiple = extra_info.get("is_multiple_answer")
        return cls(**found, is_multiple_answer=bool(multiple) if isinstance(multiple, int) else None)


NOTHING = Stated()
FIELDS = tuple(field.name for field in fields(Stated))


def exact_error(text: str) -> Fraction | None:
    """An error as an exact number that is not negative; None for any other text."""
    found = numeral(text)
    return found.value if found is not None and found.value >= 0 else None


def dressed(gold: str, stated: Stated) -> Node:
    """The node of a right answer in plain LaTeX, with what is stated of it."""
    if stated == NOTHING:
        return read(gold)
    unit = name_of(plain(stated.unit)) if stated.unit else None
    error = exact_error(stated.error) if stated.error else None
    return _dressed(read(gold, stated.is_multiple_answer), unit, error, stated.answer_type == "Tuple")


def _dressed(node: Node, unit: str | None, error: Fraction | None, is_tuple: bool) -> Node:
    match node:
        case Value():
            return replace(node, unit=node.unit or unit, error=error)
        case Several(items):
            return replace(node, items=tuple(_dressed(item, unit, error, is_tuple) for item in items))
        case Either(readings):
            return Either(tuple(_dressed(reading, unit, error, is_tuple) for reading in readings))
        case Group():
            return replace(node, is_tuple=is_tuple)
        case Chain((*left, right), relations) if unit and isinstance(read(right), Value) and not read(right).unit:
            return Chain((*left, right + written(unit)), relations)
    return node
