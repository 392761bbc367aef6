r"""Mutations of integers, decimals and fractions, told apart from the gold by arithmetic."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

from benchmarks.verdicts.rewritings.numbers import fraction_of, scientific

# Other values. An integer, fraction or decimal is told apart by arithmetic.


def one_more(body: str) -> str:
    """n + 1."""
    return str(int(body) + 1)


def one_less(body: str) -> str:
    """n - 1."""
    return str(int(body) - 1)


def other_sign(body: str) -> str | None:
    """-n for n not 0."""
    return str(-int(body)) if int(body) else None


def tenfold(body: str) -> str | None:
    """A zero too many."""
    return body + "0" if int(body) else None


def a_half_more(body: str) -> str:
    """n.5 differs by a half."""
    return body + ".5"


def square(body: str) -> str | None:
    """n^2, unless n is 0 or 1."""
    return f"{body.lstrip('+')}^2" if int(body) > 1 else None


def reciprocal(body: str) -> str | None:
    """1/n, unless n is 1 or -1."""
    return rf"\frac{{1}}{{{int(body)}}}" if abs(int(body)) > 1 else None


def root(body: str) -> str | None:
    r"""\sqrt{n}, unless n is 0 or 1."""
    return rf"\sqrt{{{int(body)}}}" if int(body) > 1 else None


def spaced_digits(body: str) -> str | None:
    """Two numbers beside each other are no number (three digits after the space might be thousands)."""
    digits = body.lstrip("+-")
    return " ".join(digits) if 1 < len(digits) < 4 else None


def comma_for_digits(body: str) -> str | None:
    """A list of its digits."""
    digits = body.lstrip("+-")
    return ",".join(digits) if 1 < len(digits) < 4 else None


def misplaced_comma(body: str) -> str | None:
    """A comma before the last two digits separates no thousands."""
    return f"{body[:-2]},{body[-2:]}" if len(body.lstrip("+-")) > 2 else None


def other_base(body: str) -> str | None:
    """The digits of n > 9 read to base 7, 11 or 16 are another number."""
    base = 7 if not re.search("[789]", body) else 11
    return f"{body}_{{{base}}}" if int(body) > 9 else None


def last_digit(step: int):
    """Of a decimal: one unit of its last digit away, twice what its own digits leave open."""

    def rule(body: str) -> str | None:
        mantissa, *exponent = body.split("e")
        number = Decimal(mantissa)
        changed = number + step * Decimal(1).scaleb(number.as_tuple().exponent)
        return "e".join([f"{changed:f}", *exponent]) if changed else None

    rule.__name__ = f"last_digit {step:+}"
    return rule


def exponent(step: int):
    """Of a decimal: ten times as large or small."""

    def rule(body: str) -> str:
        return scientific(f"{Decimal(body).scaleb(step)}")

    rule.__name__ = f"exponent {step:+}"
    return rule


def negated_decimal(body: str) -> str:
    """-d."""
    return body[1:] if body.startswith("-") else f"-{body}"


def nothing(body: str) -> str | None:
    """0.0 is not a small number."""
    return "0.0" if Decimal(body) else None


def double_decimal(body: str) -> str:
    """2d."""
    return f"2 \\cdot {body}" if "e" not in body else f"{2 * Decimal(body)}".replace("+", "")


def numerator(body: str) -> str:
    """(p + 1)/q."""
    value = fraction_of(body)
    return rf"\frac{{{value.numerator + 1}}}{{{value.denominator}}}"


def denominator(body: str) -> str:
    """p/(q + 1)."""
    value = fraction_of(body)
    return rf"\frac{{{value.numerator}}}{{{value.denominator + 1}}}"


def upside_down(body: str) -> str | None:
    """q/p, unless it is p/q."""
    value = fraction_of(body)
    return rf"\frac{{{value.denominator}}}{{{value.numerator}}}" if abs(value) != 1 and value else None


def negated_fraction(body: str) -> str | None:
    """-p/q."""
    value = -fraction_of(body)
    return rf"\frac{{{value.numerator}}}{{{value.denominator}}}" if value else None


def rounded_fraction(body: str) -> str | None:
    """Two decimals, where that is not the fraction: another number by more than 1 in 1,000."""
    value = fraction_of(body)
    near = Fraction(round(value * 100), 100)
    return f"{float(near):.2f}" if value and abs(near / value - 1) > Fraction(1, 1000) else None


def mixed_as_digits(body: str) -> str | None:
    """The whole part run into the numerator: 2 1/4 as 21/4."""
    value = abs(fraction_of(body))
    whole, rest = divmod(value, 1)
    return rf"\frac{{{whole}{rest.numerator}}}{{{rest.denominator}}}" if whole and rest else None
