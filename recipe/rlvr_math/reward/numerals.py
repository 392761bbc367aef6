r"""Numbers that can be read without computer algebra, exactly, and when two of them are the same.

A numeral is an integer, a decimal, a power of ten times one (`4.5e33`, `4.5 \times 10^{33}`), a fraction of two of them, a
mixed number (`2\frac{1}{4}`), a repeating decimal (`0.1\overline{6}`), or a small power of integers (`2^{100}`), in the plain
LaTeX of `writing`. Its value is a fraction of integers: `0.0000001` and a number of 23 digits are what they say.

A decimal gold (with a point or an e) is met by what rounds to it at its last digit, if it is also within 5 % of it; every other
gold is met by exactly its value, whatever the size. There is no absolute tolerance.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

RELATIVE = Fraction(1, 20)  # of a decimal gold: 1e-5 is met by what rounds to it, but not by 1.4e-5
_MAX_BITS = 40_000  # of a power; a larger one is for computer algebra, with its time limit
_MAX_EXPONENT = 5000

_SIGN = r"(?P<sign>(?:[+-]\s*)*)"
_PLAIN = r"(?:\d+(?:\.\d*)?|\.\d+)"
_NUMBER = re.compile(rf"{_SIGN}(?P<body>{_PLAIN})(?:[eE](?P<e>[+-]?\d+))?", re.ASCII)
_SCIENTIFIC = re.compile(
    rf"{_SIGN}(?:(?P<body>{_PLAIN})\s*(?:\\times|\\cdot|\*|x)\s*)?10\s*\^\s*\{{\s*(?P<e>[+-]?\s?\d+)\s*\}}", re.ASCII
)
_FRACTION = re.compile(
    rf"{_SIGN}(?:(?P<whole>\d+)\s*)?\\frac\s*\{{\s*(?P<over>[+-]?\s*{_PLAIN})\s*\}}\s*\{{\s*(?P<under>[+-]?\s*{_PLAIN})\s*\}}",
    re.ASCII,
)
_INLINE = re.compile(rf"{_SIGN}(?:(?P<whole>\d+)\s+)?(?P<over>{_PLAIN})\s*(?:/|\\div)\s*(?P<under>{_PLAIN})", re.ASCII)
_REPEATING = re.compile(
    rf"{_SIGN}(?P<body>\d*\.\d*)(?:\\(?:overline|bar|overbar)\s*\{{\s*(?P<bar>\d+)\s*\}}|\\dot\s*\{{?\s*(?P<dot>\d)\s*\}}?|"
    r"(?P<again>\d)(?P=again){2,}\s*(?:\\ldots|\.\.\.))",
    re.ASCII,
)
_POWER = re.compile(rf"{_SIGN}(?P<base>\d{{1,40}})\s*\^\s*\{{\s*(?P<e>[+-]?\s?\d{{1,6}})\s*\}}", re.ASCII)


@dataclass(frozen=True)
class Numeral:
    """A value. `unit_of_last_digit` is that of a decimal (0.01 for 1.60); `error` is what a data set states of a gold."""

    value: Fraction
    unit_of_last_digit: Fraction | None = None
    error: Fraction | None = None

    @property
    def is_exact(self) -> bool:
        """Whether only its value meets it."""
        return self.unit_of_last_digit is None and self.error is None


def numeral(text: str) -> Numeral | None:
    """What `text` says, if it is a numeral."""
    text = text.strip()
    while text.startswith(("{", "(")) and text.endswith({"{": "}", "(": ")"}[text[0]]) and not re.search(r"[(){}]", text[1:-1]):
        text = text[1:-1].strip()
    for pattern, value in _READERS:
        if found := pattern.fullmatch(text):
            read = value(found)
            return read and Numeral(-read.value, read.unit_of_last_digit) if found["sign"].count("-") % 2 else read
    return None


def _decimal(found: re.Match) -> Numeral | None:
    exponent = int((found["e"] or "0").replace(" ", ""))
    if abs(exponent) > _MAX_EXPONENT or len(found["body"] or "") > 4000:
        return None
    body = found["body"] or "1"
    scale = Fraction(10) ** exponent
    is_decimal = "." in body.rstrip(".") or (found.re is _NUMBER and found["e"] is not None)
    places = len(body.partition(".")[2])
    return Numeral(
        Fraction(body) * scale if body[-1] != "." else Fraction(body[:-1]) * scale, scale / 10**places if is_decimal else None
    )


def _fraction(found: re.Match) -> Numeral | None:
    over, under = (Fraction(found[name].replace(" ", "").rstrip(".")) for name in ("over", "under"))
    if not under:
        return None
    whole = found["whole"]
    if whole is not None and (over < 0 or under < 0 or over >= under or over.denominator != 1 or under.denominator != 1):
        return None  # a mixed number has a proper fraction
    return Numeral(Fraction(whole or 0) + over / under)


def _repeating(found: re.Match) -> Numeral | None:
    before, after = found["body"].split(".")
    period = found["bar"] or found["dot"] or found["again"]
    shift = 10 ** len(after)
    return Numeral(Fraction(int(before + after or "0"), shift) + Fraction(int(period), shift * (10 ** len(period) - 1)))


def _power(found: re.Match) -> Numeral | None:
    base, exponent = int(found["base"]), int(found["e"].replace(" ", ""))
    if abs(exponent) * base.bit_length() > _MAX_BITS or (base == 0 and exponent <= 0):
        return None
    return Numeral(Fraction(base) ** exponent)


_READERS = (
    (_NUMBER, _decimal),
    (_SCIENTIFIC, _decimal),
    (_FRACTION, _fraction),
    (_INLINE, _fraction),
    (_REPEATING, _repeating),
    (_POWER, _power),
)


def meets(gold: Numeral, value: Fraction) -> bool:
    """Whether `value` is the gold's, or within its stated error, or else rounds to a decimal gold."""
    if value == gold.value:
        return True
    if gold.error is not None:
        return abs(value - gold.value) <= gold.error
    if gold.unit_of_last_digit is None or not gold.value:
        return False
    off = abs(value - gold.value)
    return off <= gold.unit_of_last_digit / 2 and off <= RELATIVE * abs(gold.value)
