r"""Numbers in English words as digits: `seven`, `twenty-one`, `one hundred and five`, `two thirds`, `300 million`, `2 dozen`.

A run of number words is read as a whole or not at all: "two and a half million", "seven tenth" and "one hundred and two
hundred" leave the text as it is, and so does a part of a word ("one-way"). A plural is no number ("7 millions").
"""

from __future__ import annotations

import re
from fractions import Fraction

_BELOW_TWENTY = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen"),
    *("fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SMALL = {word: number for number, word in enumerate(_BELOW_TWENTY)} | {word: 10 * n for n, word in enumerate(_TENS, start=2)}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_AFTER_DIGITS = {**_SCALES, "hundred": 100, "dozen": 12, "万": 10**4, "亿": 10**8}
_PARTS = {
    **{"half": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9},
    **{"tenth": 10, "twelfth": 12, "hundredth": 100, "thousandth": 1000},
}
_PLURALS = {"halves" if part == "half" else f"{part}s": size for part, size in _PARTS.items()}

_WORD = "|".join((*_SMALL, "hundred", *_SCALES, *_PLURALS, *_PARTS))
_RUN = re.compile(
    rf"(?<![A-Za-z\\])(?:(?:minus|negative|an?)[\s-]+)?(?:{_WORD})(?:(?:[\s-]+|\s+and\s+(?:a\s+)?)(?:{_WORD}))*(?![A-Za-z])",
    re.IGNORECASE,
)
_PART_OF_WORD = re.compile(r"[A-Za-z\d]-\Z"), re.compile(r"-[A-Za-z]")
_SCALED = re.compile(
    r"(?<![\w.,^{}_/\\])(?<!\d[\u2013-])(?P<number>\d{1,3}(?:,\d{3})+|\d+)(?P<point>\.\d+)?"
    rf"(?P<gap>\s*\\text\s*\{{\s*|[\s-]?)(?P<scale>{'|'.join(_AFTER_DIGITS)})(?![A-Za-z])"
)
_ALL_TEXT = re.compile(r"\\text\s*\{([^{}]*)\}")
_NUMBER_FIRST = re.compile(r"(-?(?:\d[\d,]*(?:\.\d+)?|\\frac\{\d+\}\{\d+\}))((?:\s[A-Za-z .]*)?)")


def number_words(text: str) -> str:
    r"""Each run of number words as digits, `300 million` as `300000000`, and `\text{7 ways}` as `7\text{ ways}`."""
    if whole := _ALL_TEXT.fullmatch(text):
        found = _NUMBER_FIRST.fullmatch(_digits(whole[1]).strip())
        return text if found is None else found[1] + (rf"\text{{{found[2]}}}" if found[2] else "")
    return _digits(text)


def _digits(text: str) -> str:
    return _SCALED.sub(_scaled, _SCALED.sub(_scaled, _worded(text)))  # twice: 5 hundred thousand


def _worded(text: str) -> str:
    pieces, end = [], 0
    for run in _RUN.finditer(text):
        before, after = text[: run.start()], text[run.end() :]
        value = _value(re.split(r"[\s-]+", run[0].lower()))
        if value is None or _PART_OF_WORD[0].search(before) or _PART_OF_WORD[1].match(after):
            return text
        pieces += [text[end : run.start()], _written(value)]
        end = run.end()
    return "".join(pieces) + text[end:]


def _value(words: list[str]) -> Fraction | None:
    """What a run of words says; None if it is no number."""
    sign = -1 if words[0] in ("minus", "negative") else 1
    words = words[1:] if sign < 0 else words
    if len(words) > 3 and words[-3:-1] == ["and", "a"]:  # two and a half
        whole, part = _cardinal(words[:-3]), _PARTS.get(words[-1])
        return None if whole is None or part is None else sign * (whole + Fraction(1, part))
    if words[0] in ("a", "an"):
        words = ["one", *words[1:]]
        if len(words) == 1 or words[1] in _SMALL:
            return None
    if words == ["half"]:
        return Fraction(sign, 2)
    if words[-1] in _PARTS or words[-1] in _PLURALS:
        over = _cardinal(words[:-1])
        part = (_PARTS if over == 1 else _PLURALS).get(words[-1])
        return None if over is None or part is None else sign * Fraction(over, part)
    whole = _cardinal(words)
    return None if whole is None else Fraction(sign * whole)


def _cardinal(words: list[str]) -> int | None:
    if not words:
        return None
    total, group, last, scale = 0, 0, "", 10**15
    for word in words:
        if word == "and":
            if last != "hundred" and last not in _SCALES:
                return None
        elif word in _SMALL:
            number, rest = _SMALL[word], group % 100
            fits = rest == 0 or (rest in range(20, 100, 10) and 0 < number < 10 and last in _SMALL)
            if not fits or (number == 0 and len(words) > 1):
                return None
            group += number
        elif word == "hundred" and 0 < group < 100 and group % 10:
            group *= 100
        elif word in _SCALES and group and _SCALES[word] < scale:
            scale = _SCALES[word]
            total, group = total + group * scale, 0
        else:
            return None
        last = word
    return None if last == "and" else total + group


def _written(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    return rf"{'-' * (value < 0)}\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"


def _scaled(found: re.Match) -> str:
    number = Fraction(found["number"].replace(",", "") + (found["point"] or "")) * _AFTER_DIGITS[found["scale"]]
    if number.denominator != 1:
        return found[0]
    return str(number) + (r"\text{ " if "text" in found["gap"] else "")
