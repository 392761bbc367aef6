r"""The unit after a number.

An answer without a unit is accepted, and one with a unit where the gold has none. Another unit than the gold's is converted, if
its size is exact (5000 m for 5 km), and is wrong otherwise. Three marks have a value:

* percent: 62.5 % is also met by 0.625, and a percentage meets a bare gold by its number (28 % for 28) or by its value (35 % for
  0.35); below 1 only by its value, so that 0.35 % is not 0.35;
* degrees: 90° is also met by pi/2, with or without "radians", and pi/2 by 90°;
* money: the sign of a currency is the unit of its name.
"""

from __future__ import annotations

import re

from recipe.rlvr_math.reward.unit_names import unit_name

_MARKS = {"degree": r"^{\circ}", "percent": r"\%"}
_TEXT_UNIT = re.compile(
    r"(?P<body>.*?[\d})\]\w!'])\s*(?P<unit>\\text\s*\{(?:[^{}]|\{[^{}]*\})*\}(?:\s*(?:\^\s*\{\s*-?\d\s*\}|/|\\cdot|\\text\s*\{[^{}]*\}|\s))*)",
    re.DOTALL,
)
_WORD_UNIT = re.compile(r"(?P<body>(?:.*[\d})\].!]))\s*(?P<unit>(?<![A-Za-z\\])[A-Za-z]{2,}[A-Za-z ./^{}\d-]*)", re.DOTALL)
_MARK_UNIT = re.compile(r"(?P<body>.*[^\s^_{(+*/=-])\s*(?P<unit>\\%|\^\{\\circ\}|\^\{\s*\\circ\s*\}|\\\$|€|£)", re.DOTALL)
_LETTER_UNIT = re.compile(r"(?P<body>.*[\d}])\s+(?P<unit>[msgJNWVKA])", re.DOTALL)
_BEFORE_UNIT = re.compile(r"(?:[\d})\]]|\\pi(?![A-Za-z]))(?=\s*[\\A-Za-z^])")
_LONGEST = 60  # characters of a unit
_ANGLE_OF = re.compile(r"\\(?:sin|cos|tan|cot|sec|csc)(?![A-Za-z])")  # whose degrees are no unit of the whole
_MONEY_BEFORE = re.compile(r"(?P<sign>-?)\s*(?P<unit>\\\$|€|£)\s*(?P<body>.*)", re.DOTALL)


def split_unit(text: str) -> tuple[str, str | None]:
    r"""The number (or expression) of plain LaTeX and its unit's name: `5 \text{ m}` gives ("5", "m"); None without a unit.

    A letter alone after a number is a factor (`5 m`), one in `\text{}` is a unit.
    """
    if found := _MONEY_BEFORE.fullmatch(text):
        return found["sign"] + found["body"], unit_name(found["unit"])
    if (found := _MARK_UNIT.fullmatch(text)) and not _ANGLE_OF.search(found["body"]):
        return found["body"].strip(), unit_name(found["unit"])
    for pattern in (_TEXT_UNIT, _WORD_UNIT):
        if (found := pattern.fullmatch(text)) and (unit := unit_name(found["unit"])):
            return found["body"].strip(), unit
    return text, None


def split_letter(text: str) -> tuple[str, str | None]:
    """`5 J`: the number and the unit, for where a product is out of the question."""
    found = _LETTER_UNIT.fullmatch(text)
    return (found["body"].strip(), unit_name(found["unit"])) if found else (text, None)


def name_of(unit: str) -> str:
    """The name of what is known to be a unit, in plain LaTeX; its own text, if it is no usual one."""
    return unit_name(unit) or re.sub(r"\\text|[{}\s]", "", unit).lower()


def written(unit: str) -> str:
    """A unit by its name, as it stands after a number."""
    return _MARKS.get(unit, rf"\text{{ {unit} }}")


def without(text: str, unit: str) -> str | None:
    """What stands before this unit at the end, which may be a letter alone here (`5 m`); None if `text` ends otherwise."""
    for found in _BEFORE_UNIT.finditer(text, max(0, len(text) - _LONGEST)):
        if name_of(text[found.end() :]) == unit:
            return text[: found.end()]
    return None
