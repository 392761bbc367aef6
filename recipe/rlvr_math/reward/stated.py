"""What a data set states about an answer beside the answer: its unit, its error, whether it is several answers, its type.

`prepare` writes these as fields of a row's `extra_info`, under OlympiadBench's names; verl hands `extra_info` to the reward.
They decide where they can, and dress the right answer for the general rules where they cannot:

* `error`, an absolute one, for one decimal number: |answer - gold| <= error, computed exactly. OlympiadBench's own grader
  allows 1.01 errors, and also a hundredth and a hundred times the gold; here neither.
* `is_multiple_answer`: true, and every comma outside brackets separates answers ("100,200" is two of them, never 100200), which
  are matched one to one in any order; false, and the commas of 1,234 are of thousands.
* `unit`: an answer may carry it, in its usual spellings, or none. With another unit of the list here it is wrong, whatever its
  number; with another word, the general rules get the gold with its own unit.
* `answer_type` Tuple: an inequality is none, though (1, 4) may be written as one where it is an interval.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any

from recipe.rlvr_math.reward.answers import clean, normalise, quick_verdict

_INTEGER = re.compile(r"[+-]?\d{1,1000}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(?:\d{1,1000}(?:\.\d{0,1000})?|\.\d{1,1000})(?:[eE][+-]?\d{1,3})?", re.ASCII)
_FRACTION = re.compile(r"([+-]?)(?:\\frac\{(\d{1,400})\}\{(\d{1,400})\}|(\d{1,400})/(\d{1,400}))", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3}){1,300}(?:\.\d+)?", re.ASCII)
_RELATION = re.compile(r"[<>≤≥]|\\(?:leq?|geq?|leqslant|geqslant|lt|gt)(?![A-Za-z])")
_ROMAN = re.compile(r"\\(?:text|mathrm|mbox|textrm|operatorname|rm)(?![A-Za-z])")  # how a unit is set in LaTeX
_TEXT = re.compile(_ROMAN.pattern + r"|[\\{}$~,;:!\s]")
_WORD = re.compile(rf"(?:\\[,;:! ]|[~${{\s])*(?:{_ROMAN.pattern}|[A-Za-z°%]|\^\{{?\\circ)")
_NUMBER_END = re.compile(r"(?:[0-9)}$]|\\[A-Za-z]+)[\s~]*$", re.ASCII)
_LONGEST_UNIT = 60  # characters
# Each row is one unit in the spellings that may follow a number, after `_bare`.
_SPELLINGS = (
    ("°", "degree", "degrees", "deg", "circ", "^circ"),
    ("%", "percent", "percentage"),
    ("second", "seconds", "sec", "s"),
    ("minute", "minutes", "min", "mins"),
    ("hour", "hours", "hr", "hrs", "h"),
    ("mm", "millimeter", "millimeters", "millimetre", "millimetres"),
    ("cm", "centimeter", "centimeters", "centimetre", "centimetres"),
    ("m", "meter", "meters", "metre", "metres"),
    ("km", "kilometer", "kilometers", "kilometre", "kilometres"),
    ("cm^2", "cm2", "cm²", "squarecm", "sqcm", "squarecentimeters", "squarecentimetres"),
    ("m^2", "m2", "m²", "squarem", "sqm", "squaremeters", "squaremetres"),
    ("km/h", "km/hr", "kmh", "kph", "kmperhour", "kmh^-1", "kilometersperhour", "kilometresperhour"),
    ("m/s", "m/sec", "ms^-1", "meterspersecond", "metrespersecond"),
)
_UNITS = {spelling for row in _SPELLINGS for spelling in row}


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
        found = extra_info or {}
        texts = {name: str(found[name]) for name in ("answer_type", "unit", "error") if found.get(name) not in (None, "")}
        multiple = found.get("is_multiple_answer")
        return cls(**texts, is_multiple_answer=bool(multiple) if isinstance(multiple, int) else None)


NOTHING = Stated()
FIELDS = tuple(field.name for field in fields(Stated))


def judged(gold: str, answer: str, extra_info: Mapping[str, Any] | None, same_answer: Callable[[str, str], bool]) -> bool:
    """Whether `answer` is right for `gold`, of which `extra_info` may state more; `same_answer(gold, answer)` are the rules."""
    if not extra_info or all(extra_info.get(name) is None for name in FIELDS):
        return same_answer(gold, answer)
    stated = Stated.of(extra_info)
    quick = quick_verdict(normalise(gold), normalise(answer))
    if quick or (quick is False and not stated.error):  # the same text, or two integers
        return quick
    if stated.unit:
        answer, other = _without_unit(answer, stated.unit)
        if other in _UNITS:
            return False
        if other:
            gold = rf"{clean(gold)}\text{{ {stated.unit} }}"
    if stated.error and (within := _within(gold, answer, stated.error)) is not None:
        return within
    if stated.answer_type == "Tuple" and _RELATION.search(answer) and not _RELATION.search(gold):
        return False
    if stated.is_multiple_answer is False and _THOUSANDS.fullmatch(clean(gold)):
        gold = clean(gold).replace(",", "")
    if stated.is_multiple_answer:
        if (matched := _matched(gold, answer)) is not None:
            return matched
        gold = ", ".join(split(clean(gold)))
    return same_answer(gold, answer)


def split(answers: str) -> list[str]:
    """The parts between commas (or semicolons) that stand outside of all brackets."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(answers):
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif character in ",;" and depth == 0 and answers[position - 1 : position] != "\\":
            parts.append(answers[start:position].strip())
            start = position + 1
    return [*parts, answers[start:].strip()]


def exact_error(text: str) -> Fraction | None:
    """An error as an exact number that is not negative; None for any other text."""
    text = text.strip()
    return Fraction(text) if _DECIMAL.fullmatch(text) and not text.startswith("-") else None


def _within(gold: str, answer: str, error: str) -> bool | None:
    """|answer - gold| <= error; None unless all three are numbers."""
    right, given, bound = _number(gold), _number(answer), exact_error(error)
    if right is None or given is None or bound is None:
        return None
    return abs(given - right) <= bound


def _number(text: str) -> Fraction | None:
    text = normalise(text)
    if found := _FRACTION.fullmatch(text):
        sign, over, under = found[1], int(found[2] or found[4]), int(found[3] or found[5])
        return (-1 if sign == "-" else 1) * Fraction(over, under) if under else None
    return Fraction(text) if _DECIMAL.fullmatch(text) else None


def _matched(gold: str, answer: str) -> bool | None:
    """Whether the answers are the same ones in any order, where strings and integers show it; else None."""
    rights, givens = ([normalise(part) for part in split(clean(text))] for text in (gold, answer))
    if Counter(rights) == Counter(givens):
        return True
    whole = [_INTEGER.fullmatch(part) is not None for part in (*rights, *givens)]
    if not all(whole):
        return None
    return Counter(map(int, rights)) == Counter(map(int, givens))


def _without_unit(answer: str, unit: str) -> tuple[str, str]:
    """The answer without this unit at its end, and the other unit or word in which it ends instead; "" for none."""
    text, own, word = clean(answer), _bare(unit), ""
    spellings = next((row for row in _SPELLINGS if own in row), (own,))
    for start in range(max(1, len(text) - _LONGEST_UNIT), len(text)):
        number, rest = text[:start], text[start:]
        if number[-1].isalpha() and rest[0].isalpha():
            continue  # in the middle of a word
        if not _NUMBER_END.search(number) or _ROMAN.search(number) or number.count("{") != number.count("}"):
            continue
        found = _bare(rest)
        if found in spellings:
            return number.strip(" $"), ""
        if found in _UNITS:
            return answer, found
        if not word and _WORD.match(rest):
            word = found
    return answer, word


def _bare(unit: str) -> str:
    return _TEXT.sub("", unit).lower().strip(".() ")
