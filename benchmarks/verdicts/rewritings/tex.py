"""Rewritings of what TeX sets alike, whatever it means."""

from __future__ import annotations

import re

# What TeX sets alike, whatever it means.


def as_published(body: str) -> str:
    """The very characters."""
    return body


def display_fractions(body: str) -> str | None:
    r"""`\dfrac` is `\frac` in another size."""
    return body.replace(r"\frac", r"\dfrac") if r"\frac" in body else None


def growing_brackets(body: str) -> str | None:
    r"""`\left( \right)` are `( )` in another size; only for one pair that holds no other."""
    if body.count("(") != 1 or body.count(")") != 1 or r"\left" in body or re.search(r"[\[\]]", body):
        return None
    return body.replace("(", r"\left(").replace(")", r"\right)")


def thin_spaces(body: str) -> str | None:
    r"""`\,` and `\;` around a plus, a minus between two operands, an equals sign or after a comma are spacing."""
    spaced = re.sub(r",\s?", r",\\, ", body)
    spaced = re.sub(r"(?<=[\w})]) ?([+=]) ?", r"\\,\1\\;", spaced)
    return spaced if spaced != body else None


def no_spaces(body: str) -> str | None:
    """TeX ignores spaces in formulas; those that end a command's name are kept."""
    tight = re.sub(r"(?<!\\)(?<![A-Za-z]) +| +(?![A-Za-z0-9])", "", body)
    return tight if tight != body else None


def bare_exponents(body: str) -> str | None:
    """`x^{2}` is `x^2` where the exponent is one digit."""
    bare = re.sub(r"\^\{(\d)\}", r"^\1", body)
    return bare if bare != body else None


TEX = (as_published, display_fractions, growing_brackets, thin_spaces, no_spaces, bare_exponents)
