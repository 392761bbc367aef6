r"""Matrices as rows of cells: the environments of LaTeX with a factor before them, and `[[1, 2], [3, 4]]`."""

from __future__ import annotations

import re

from recipe.rlvr_math.reward.brackets import split
from recipe.rlvr_math.reward.numerals import numeral

_ENVIRONMENT = re.compile(
    r"(?P<factor>.*?)\s*(?:\\cdot|\\times|\*)?\s*\\begin\{(?P<name>[pb]?matrix|array)\}(?:\{[^{}]*\})?"
    r"(?P<cells>(?:(?!\\begin\{).)*)\\end\{(?P=name)\}",
    re.DOTALL,
)
_BRACKETED = re.compile(r"\[(?P<inner>.*)\]", re.DOTALL)  # around an array without brackets of its own
_CODE = re.compile(r"(?:array|[mM]atrix)\s*\((.*)\)", re.DOTALL)


def cells(text: str) -> list[list[str]] | None:
    """The cells of a matrix, row by row; None if `text` is none."""
    if found := _ENVIRONMENT.fullmatch(text):
        rows = [[cell.strip() for cell in row.split("&")] for row in found["cells"].split(r"\\") if row.strip()]
        factor = found["factor"].strip()
        joints, terms = split(factor, lambda token: token in ("+", "-", "&"))
        if joints and (len(joints) > 1 or terms[0] or joints[0] == "&"):
            return None  # a sum
        return [[_times(factor, cell) for cell in row] for row in rows] if factor else rows
    if text.startswith("[") or _CODE.match(text):
        return _nested(text)
    return None


def _times(factor: str, cell: str) -> str:
    numbers = numeral(factor + "1" if factor in "+-" else factor), numeral(cell)
    if None in numbers:
        return rf"({factor + '1' if factor in '+-' else factor}) \cdot ({cell})"
    value = numbers[0].value * numbers[1].value
    return rf"{'-' * (value < 0)}\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"


def _nested(text: str) -> list[list[str]] | None:
    code = _CODE.fullmatch(text)
    outer = _BRACKETED.fullmatch((code[1] if code else text).strip())
    joints, rows = split(outer["inner"], lambda token: token in (",", ";")) if outer else ([], [])
    found = [_BRACKETED.fullmatch(row) for row in rows]
    if not joints or None in found:
        return None
    table = [split(row["inner"], lambda token: token == ",")[1] for row in found]
    return table if all(len(row) == len(table[0]) and all(row) for row in table) else None
