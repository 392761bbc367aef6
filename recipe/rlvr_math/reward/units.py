r"""Units and other words after a number.

An answer without a unit is accepted, and one with a unit where the gold has none. Another unit than the gold's is not accepted:
units are compared by name, never converted (1000 m is not judged right for 1 km). Three marks have a value:

* percent: 62.5 % is also met by 0.625, and a percentage meets a bare gold by its number (28 % for 28) or by its value (35 % for
  0.35); below 1 only by its value, so that 0.35 % is not 0.35;
* degrees: 90° is also met by pi/2, and pi/2 by 90°;
* money: the sign of a currency is the unit of its name.
"""

from __future__ import annotations

import re
from functools import lru_cache

_NAMES = (
    ("m", "meter", "metre"),
    ("km", "kilometer", "kilometre"),
    ("cm", "centimeter", "centimetre"),
    ("mm", "millimeter", "millimetre"),
    ("nm", "nanometer", "nanometre"),
    ("ft", "foot", "feet"),
    ("inch", "inches"),
    ("yard", "yd"),
    ("mile", "mi"),
    ("s", "second", "sec"),
    ("min", "minute"),
    ("h", "hour", "hr"),
    ("day",),
    ("week", "wk"),
    ("month",),
    ("year", "yr"),
    ("g", "gram", "gm"),
    ("kg", "kilogram"),
    ("mg", "milligram"),
    ("lb", "pound", "lbs"),
    ("oz", "ounce"),
    ("l", "liter", "litre"),
    ("ml", "milliliter", "millilitre"),
    ("degree", "deg", "^{\\circ}", "^\\circ"),
    ("radian", "rad"),
    ("percent", "\\%"),
    ("dollar", "\\$", "usd", "us dollar"),
    ("cent",),
    ("euro", "€", "eur"),
    ("£", "gbp"),
    ("km/h", "kmh", "kph", "km per hour", "kilometers per hour", "kilometres per hour", "kilometer per hour"),
    ("m/s", "meters per second", "metres per second", "m per second"),
    ("mph", "mile per hour", "miles per hour", "mi/h"),
    ("hz",),
    ("j", "joule"),
    ("n", "newton"),
    ("w", "watt"),
    ("v", "volt"),
    ("k", "kelvin"),
    ("mol", "mole"),
    ("ev",),
    ("unit",),
)
_MARKS = {"degree": r"^{\circ}", "percent": r"\%"}
_KNOWN = {name: names[0] for names in _NAMES for name in names}
# Words after which a number is another one, or none.
_CHANGING = frozenset(
    """
    and or to not no nor is are was isn't than least most about around approximately roughly between below above under
    over plus  minus times divided by per more less fewer greater larger smaller squared cubed factorial hundred thousand
    million billion  trillion dozen half halves third thirds quarter quarters fifth tenth double twice triple mod modulo
    base choose power  if for when where wrong false maybe either both otherwise except but unless possibly root pi e i x
    y n nth th st nd rd  infinity zero one two three four five six seven eight nine ten eleven twelve
    """.split()  # noqa: SIM905
)
_TEXT_UNIT = re.compile(
    r"(?P<body>.*?[\d})\]\w!'])\s*(?P<unit>\\text\s*\{(?:[^{}]|\{[^{}]*\})*\}(?:\s*(?:\^\s*\{\s*-?\d\s*\}|/|\\cdot|\\text\s*\{[^{}]*\}|\s))*)",
    re.DOTALL,
)
_WORD_UNIT = re.compile(r"(?P<body>(?:.*[\d})\].!]))\s*(?P<unit>(?<![A-Za-z\\])[A-Za-z]{2,}[A-Za-z ./^{}\d-]*)", re.DOTALL)
_MARK_UNIT = re.compile(r"(?P<body>.*[^\s^_{(+*/=-])\s*(?P<unit>\\%|\^\{\\circ\}|\^\{\s*\\circ\s*\}|\\\$|€|£)", re.DOTALL)
_BEFORE_UNIT = re.compile(r"(?:[\d})\]]|\\pi(?![A-Za-z]))(?=\s*[\\A-Za-z^])")
_LONGEST = 60  # characters of a unit
_ANGLE_OF = re.compile(r"\\(?:sin|cos|tan|cot|sec|csc)(?![A-Za-z])")  # whose degrees are no unit of the whole
_MONEY_BEFORE = re.compile(r"(?P<sign>-?)\s*(?P<unit>\\\$|€|£)\s*(?P<body>.*)", re.DOTALL)


def split_unit(text: str) -> tuple[str, str | None]:
    r"""The number (or expression) of plain LaTeX and its unit's name: `5 \text{ m}` gives ("5", "m"); None without a unit.

    A letter alone after a number is a factor (`5 m`), one in `\text{}` is a unit. Words that no unit has, such as "apples", are
    a unit too, unless one of them may change the number ("or more", "million", "squared"); then nothing is split off.
    """
    if found := _MONEY_BEFORE.fullmatch(text):
        return found["sign"] + found["body"], _KNOWN[found["unit"]]
    if (found := _MARK_UNIT.fullmatch(text)) and not _ANGLE_OF.search(found["body"]):
        unit = found["unit"].replace(" ", "")
        return found["body"].strip(), _KNOWN[unit]
    if (found := _TEXT_UNIT.fullmatch(text)) and (unit := _name(found["unit"])):
        return found["body"].strip(), unit
    if (found := _WORD_UNIT.fullmatch(text)) and (unit := _name(found["unit"])):
        return found["body"].strip(), unit
    return text, None


def name_of(unit: str) -> str:
    """The name of what is known to be a unit, in plain LaTeX; its own text, if it is no usual one."""
    return _name(unit) or re.sub(r"\\text|[{}\s]", "", unit).lower()


def written(unit: str) -> str:
    """A unit by its name, as it stands after a number."""
    return _MARKS.get(unit, rf"\text{{ {unit} }}")


def without(text: str, unit: str) -> str | None:
    """What stands before this unit at the end, which may be a letter alone here (`5 m`); None if `text` ends otherwise."""
    for found in _BEFORE_UNIT.finditer(text, max(0, len(text) - _LONGEST)):
        if name_of(text[found.end() :]) == unit:
            return text[: found.end()]
    return None


@lru_cache(maxsize=4096)
def _name(written: str) -> str | None:
    """The name of a unit: "kilometres" is km, "square cm" is cm^2; other words in the singular; None for what is no unit."""
    text = re.sub(r"\\text\s*|[{}~]|\\[ ,;]|\\cdot|\\left|\\right", " ", written)
    text = re.sub(r"\s*([/^])\s*", r"\1", text).strip(" .").lower()
    text = re.sub(r"\s+", " ", text)
    if not text:
        return None
    power = ""
    if found := re.fullmatch(r"(?:sq(?:uare)?|(?P<cubic>cubic|cu))\.? (?P<rest>.+)", text):
        text, power = found["rest"], "^3" if found["cubic"] else "^2"
    elif found := re.fullmatch(r"(.+?)\s?\^(-?\d)", text):
        text, power = found[1], f"^{found[2]}"
    elif found := re.fullmatch(r"(.+) (squared|cubed)", text):
        text, power = found[1], "^2" if found[2] == "squared" else "^3"
        if text not in _KNOWN and text.rstrip("s") not in _KNOWN:
            return None
    for candidate in (text, text.removesuffix("s"), text.removesuffix("es")):
        if candidate in _KNOWN:
            return _KNOWN[candidate] + power
    words = text.split()
    if not re.fullmatch(r"[a-z][a-z ./-]*", text) or len(words) > 4 or _CHANGING & set(re.split(r"[ ./-]", text)):
        return None
    if len(words) == 1 and len(text) < 3:
        return None
    return text.removesuffix("s") + power
