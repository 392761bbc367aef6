r"""Rewritings of integers, of decimals with powers of ten, and of fractions."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

# Integers.


def leading_zero(body: str) -> str:
    """An integer is the same with a zero before it."""
    return re.sub(r"\d", r"0\g<0>", body, count=1)


def point_zero(body: str) -> str:
    """5 is 5.0 exactly."""
    return body + ".0"


def over_one(body: str) -> str:
    """n is n/1."""
    return rf"\frac{{{int(body)}}}{{1}}"


def doubled(body: str) -> str:
    """n is 2n/2."""
    return rf"\frac{{{2 * int(body)}}}{{2}}"


def sum_of_two(body: str) -> str:
    """n is a + (n - a)."""
    return f"{int(body) - 3}+3"


def sum_chain(body: str) -> str:
    """A true chain of equations has the value of its members."""
    return f"{int(body) - 3}+3={int(body)}"


def product_and_rest(body: str) -> str | None:
    r"""n is 7 \cdot (n // 7) + n % 7."""
    return rf"7 \cdot {int(body) // 7} + {int(body) % 7}" if int(body) >= 0 else None


def root_of_square(body: str) -> str | None:
    r"""\sqrt{n^2} is n for n > 0."""
    return rf"\sqrt{{{int(body) ** 2}}}" if 0 < int(body) < 10**5 else None


def thousands(mark: str):
    """Marks between groups of three digits, from 1,000 on."""

    def rule(body: str) -> str | None:
        return f"{int(body):,}".replace(",", mark) if abs(int(body)) >= 1000 else None

    rule.__name__ = f"thousands {mark}"
    return rule


def bold(body: str) -> str:
    """Bold type does not change a number."""
    return rf"\mathbf{{{body}}}"


def bold_in_parentheses(body: str) -> str | None:
    """As the solutions of AIME and AMC state their answers."""
    return rf"\textbf{{({body})}}" if int(body) >= 0 else None


def named(body: str) -> str | None:
    """The value of an unknown that the gold does not use."""
    return f"w = {body}" if "w" not in body else None


# Decimals and powers of ten. The value is exactly that of the gold.


def _powers(body: str) -> tuple[Decimal, int]:
    number = Decimal(body)
    exponent = number.adjusted()
    return number.scaleb(-exponent), exponent


def scientific(body: str) -> str:
    r"""m \times 10^{e}."""
    mantissa, exponent = _powers(body)
    return rf"{mantissa} \times 10^{{{exponent}}}"


def scientific_dot(body: str) -> str:
    r"""m \cdot 10^{e}."""
    return scientific(body).replace(r"\times", r"\cdot")


def scientific_plain(body: str) -> str:
    """m * 10^e."""
    return scientific(body).replace(r"\times", "*")


def scientific_shifted(body: str) -> str:
    """10m times 10^(e - 1)."""
    mantissa, exponent = _powers(body)
    return rf"{mantissa.scaleb(1):f} \times 10^{{{exponent - 1}}}"


def capital_e(body: str) -> str:
    """As a calculator shows it."""
    mantissa, exponent = _powers(body)
    return f"{mantissa}E{exponent}"


def positional(body: str) -> str | None:
    """All digits, without an exponent."""
    return f"{Decimal(body):f}" if abs(Decimal(body).adjusted()) < 20 else None


def zero_appended(body: str) -> str | None:
    """1.6 is 1.60."""
    return body + "0" if "." in body and "e" not in body else None


def exact_fraction(body: str) -> str | None:
    """A decimal is a fraction of integers."""
    value = Fraction(body)
    return rf"\frac{{{value.numerator}}}{{{value.denominator}}}" if value.denominator != 1 else None


# Fractions.


def fraction_of(body: str) -> Fraction:
    """The value of a gold of the kind `fraction`."""
    numbers = [int(digits) for digits in re.findall(r"-?\d+", body)]
    sign = -1 if body.startswith(r"-\frac") else 1
    return Fraction(sign * numbers[0], numbers[1])


def inline(body: str) -> str:
    """p/q on one line."""
    value = fraction_of(body)
    return f"{value.numerator}/{value.denominator}"


def expanded(body: str) -> str:
    """2p/2q."""
    value = fraction_of(body)
    return rf"\frac{{{2 * value.numerator}}}{{{2 * value.denominator}}}"


def sign_inside(body: str) -> str | None:
    """-p/q is (-p)/q."""
    value = fraction_of(body)
    return rf"\frac{{{value.numerator}}}{{{value.denominator}}}" if value < 0 else None


def mixed(body: str) -> str | None:
    """A number and a proper fraction beside each other are their sum."""
    value = fraction_of(body)
    whole, rest = divmod(abs(value), 1)
    if not whole or not rest:
        return None
    return rf"{'-' * (value < 0)}{whole}\frac{{{rest.numerator}}}{{{rest.denominator}}}"


def terminating(body: str) -> str | None:
    """The decimal, where it ends."""
    value = fraction_of(body)
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return f"{Decimal(value.numerator) / Decimal(value.denominator):f}" if rest == 1 else None


def repeating(body: str) -> str | None:
    """The decimal with its period under a bar, where the period is at most six digits."""
    value = abs(fraction_of(body))
    whole, rest = divmod(value, 1)
    digits, seen = "", {}
    while rest and rest not in seen and len(digits) < 12:
        seen[rest] = len(digits)
        digit, rest = divmod(rest * 10, 1)
        digits += str(digit)
    if not rest or rest not in seen or len(digits) - seen[rest] > 6:
        return None
    start = seen[rest]
    return rf"{'-' * (fraction_of(body) < 0)}{whole}.{digits[:start]}\overline{{{digits[start:]}}}"


def vulgar(body: str) -> str | None:
    """Unicode's sign for the fraction."""
    signs = {(1, 2): "½", (1, 3): "⅓", (2, 3): "⅔", (1, 4): "¼", (3, 4): "¾", (2, 5): "⅖", (7, 8): "⅞", (1, 10): "⅒"}
    value = fraction_of(body)
    return signs.get((value.numerator, value.denominator))
