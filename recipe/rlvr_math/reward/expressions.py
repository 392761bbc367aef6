r"""Expressions by computer algebra: latex2sympy2-extended 1.11.0 (math-verify's parser) reads them, sympy 1.14.0 computes.

Only a verifier process imports this. math-verify's own comparison is not used: it rounds to six places, takes `6=5` for 5 and
1.3e-27 for 2.9e-19. What its parser gets wrong is handled before it, in `latex_for_parser`.

Two expressions differ if their expanded difference is a rational number or a polynomial other than 0. Otherwise they are equal
if they agree to 40 digits behind the first: numbers as they are, expressions with variables at fixed points, positive, negative
and integers among them. No tolerance is absolute: 40 digits of 1e-300 are 40 digits.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

import sympy
from latex2sympy2_extended.latex2sympy2 import ConversionConfig, latex2sympy
from sympy.core.function import AppliedUndef

from recipe.rlvr_math.reward.latex_for_parser import Unreadable, readable
from recipe.rlvr_math.reward.numerals import Numeral, meets

_CONFIG = ConversionConfig(interpret_as_mixed_fractions=False, lowercase_symbols=False)
DIGITS = 60
MAX_EXPONENT = 100_000  # of a number; such a power is met by its own text only
AGREE = sympy.Float(10) ** -40
# Where variables are put, in the order of their names, each point a rotation of such a row: fractions of many sizes, integers
# (for floors and factorials), negative numbers.
_POSITIVE = ("7/3", "1009/7", "1/29", "23/7", "5003/11", "31/190", "37/23", "410/29", "3/431", "47/37", "99/41", "597/43")
_INTEGERS = ("7", "31", "2", "13", "5", "46", "9", "3", "22", "11", "4", "17")
_NEGATIVE = ("-5/3", "-113/7", "-8/111", "-17/5", "-190/13", "-2/17", "-23/19", "-31/7", "-1/3", "-377/11", "-9/2", "-6/5")
_POINTS = tuple(
    (row is _NEGATIVE, row[turn:] + row[:turn])
    for row, turns in ((_POSITIVE, (0, 1, 4, 9)), (_INTEGERS, (0, 2, 5)), (_NEGATIVE, (0, 1, 6)))
    for turn in turns
)


def expression(text: str) -> sympy.Expr:
    """The expression of plain LaTeX; `Unreadable` if it is none, or has no finite value."""
    found = _parsed(text)
    if found is None:
        raise Unreadable
    return found


@lru_cache(maxsize=256)  # a group's responses have the same gold, and often the same answer
def _parsed(text: str) -> sympy.Expr | None:
    try:
        found = latex2sympy(
            readable(text), is_real=None, convert_degrees=False, normalization_config=None, conversion_config=_CONFIG
        )
    except Exception:
        return None
    if not isinstance(found, sympy.Expr) or found.has(sympy.Float, sympy.zoo, sympy.nan):
        return None
    if any(
        power.base.is_number and power.exp.is_Rational and abs(power.exp) > MAX_EXPONENT for power in found.atoms(sympy.Pow)
    ):
        return None
    # Unknown functions and derivatives are what they are called; sympy computes the derivative of x by t to 0.
    unknown = found.atoms(sympy.Derivative, AppliedUndef)
    found = found.subs({one: sympy.Symbol(str(one)) for one in sorted(unknown, key=lambda one: -len(str(one)))})
    bound = found.has(sympy.Sum, sympy.Product)
    return found if bound else found.subs(sympy.Symbol("i"), sympy.I)


class Sympy:
    """The algebra of `equality.Judge`. What cannot be read is not equal to anything."""

    def same(self, gold: str, answer: str, gold_number: Numeral | None) -> bool:
        right, given = self._number(gold, gold_number), expression(answer)
        if gold_number is not None and not gold_number.is_exact and not given.free_symbols:
            value = given.evalf(DIGITS)
            return bool(value.is_Float or value.is_Rational) and meets(gold_number, Fraction(sympy.Rational(value)))
        return equal(right, given)

    def same_equation(self, gold: tuple[str, str], answer: tuple[str, str]) -> bool:
        sides = [[expression(side) for side in equation] for equation in (gold, answer)]
        (left, right), (other_left, other_right) = sides
        return proportional(left - right, other_left - other_right)

    def same_function(self, gold: tuple[str, str], answer: tuple[str, str]) -> bool:
        (name, right), (other, given) = ((sympy.Symbol(letter), expression(text)) for letter, text in (gold, answer))
        return name not in given.free_symbols and equal(right, given.subs(other, name))

    def less(self, one: str, other: str) -> bool:
        low, high = (expression(text).evalf(DIGITS) for text in (one, other))
        return bool(low < high)

    def reads(self, text: str) -> bool:
        return _parsed(text) is not None

    def _number(self, text: str, number: Numeral | None) -> sympy.Expr:
        return sympy.Rational(number.value.numerator, number.value.denominator) if number is not None else expression(text)


def equal(one: sympy.Expr, other: sympy.Expr) -> bool:
    """Whether two expressions are the same, by the rule at the head of this file."""
    if one == other:
        return True
    symbols = sorted(one.free_symbols | other.free_symbols, key=str)
    if len(symbols) > len(_POSITIVE):
        return False
    difference = sympy.expand(one.doit() - other.doit())
    if difference.is_Rational or (symbols and difference.is_polynomial(*symbols) and not difference.atoms(sympy.Function)):
        coefficients = [difference] if difference.is_Rational else sympy.Poly(difference, *symbols).coeffs()
        if all(coefficient.is_Rational for coefficient in coefficients):
            return not any(coefficients)
    seen = 0
    for negative, point in _POINTS if symbols else _POINTS[:1]:
        place = dict(zip(symbols, map(sympy.Rational, point), strict=False))
        values = [_at(expr, place) for expr in (one, other)]
        if negative and not all(value is not None and value.is_real for value in values):
            continue  # a root of a negative number has branches
        if None in values:
            continue
        if not _agree(*values):
            return _both_zero(one, other) if not symbols else False
        seen += 1
    return seen > 0 or sympy.simplify(one - other) == 0


def proportional(one: sympy.Expr, other: sympy.Expr) -> bool:
    """Whether `one` is a constant but 0 times `other`, and both have variables."""
    symbols = sorted(one.free_symbols | other.free_symbols, key=str)
    if not one.free_symbols or one.free_symbols != other.free_symbols or len(symbols) > len(_POSITIVE):
        return False
    ratios = []
    for _, point in _POINTS[:7]:
        place = dict(zip(symbols, map(sympy.Rational, point), strict=False))
        values = [_at(expr, place) for expr in (one, other)]
        if None in values or any(abs(value) < AGREE for value in values):
            continue
        ratios.append(values[0] / values[1])
    return len(ratios) > 1 and all(_agree(ratios[0], ratio) for ratio in ratios[1:])


def _at(expr: sympy.Expr, place: dict) -> sympy.Expr | None:
    """A number; None where there is none."""
    value = expr.subs(place).evalf(DIGITS)
    if value.has(sympy.zoo, sympy.nan, sympy.oo, -sympy.oo) or not value.is_number:
        return None
    parts = value.as_real_imag()
    return value if all(part.is_Float or part.is_Rational for part in parts) else None


def _agree(one: sympy.Expr, other: sympy.Expr) -> bool:
    return bool(abs(one - other) <= AGREE * max(abs(one), abs(other)))


def _both_zero(one: sympy.Expr, other: sympy.Expr) -> bool:
    """One of two numbers may be 0 in disguise: evaluation to 60 digits leaves a trace of it."""
    near = [abs(value.evalf(DIGITS)) < AGREE for value in (one, other)]
    return all(near) and sympy.simplify(one - other) == 0
