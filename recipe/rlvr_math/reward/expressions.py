r"""Expressions by computer algebra: latex2sympy2-extended 1.11.0 (math-verify's parser) reads them, sympy 1.14.0 computes.

Only a verifier process imports this. math-verify's own comparison is not used: it rounds to six places, takes `6=5` for 5 and
1.3e-27 for 2.9e-19. What its parser gets wrong is handled before it by the rules of `readable`, each of which names it.

Two expressions differ if their expanded difference is a rational number or a polynomial other than 0. Otherwise they are equal
if they agree to 40 digits behind the first: numbers as they are, expressions with variables at fixed points, positive, negative
and integers among them. No tolerance is absolute: 40 digits of 1e-300 are 40 digits.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

import sympy
from latex2sympy2_extended.latex2sympy2 import ConversionConfig, latex2sympy
from sympy.core.function import AppliedUndef

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


class Unreadable(Exception):
    """No expression."""


# What the parser gets wrong. Each rule takes and gives LaTeX.


def no_neighbours(text: str) -> str:
    r"""`5 6`, `5_5` and `5'` are nothing, where the parser reads 11, 5 and 5; nor is `12.5.3`."""
    if re.search(r"\d\s+[\d.]|\d\.\d*\.|\.\.|[\d)]\s*['_]|[\d)]\s*\^\s*\{\s*\\prime", text) or not text.strip():
        raise Unreadable
    return text


def mixed_numbers(text: str) -> str:
    r"""`2\frac{1}{4}` is 2 + 1/4, for a proper fraction of integers; as a factor (`2 \cdot \frac{1}{4}`) it is not touched."""

    def added(found: re.Match) -> str:
        whole, over, under = found[1], int(found[2]), int(found[3])
        return rf"({whole}+\frac{{{over}}}{{{under}}})" if 0 < over < under else found[0]

    return re.sub(r"(?<![\d.}\^_)])(?<![\^_]\{)(\d+)\s*\\frac\{(\d+)\}\{(\d+)\}", added, text)


def exact_decimals(text: str) -> str:
    r"""`1.25` is \frac{125}{100}, where the parser makes a binary float; `4.5e33` is no product with Euler's e."""

    def fraction(found: re.Match) -> str:
        value = Fraction(f"{found[1] or '0'}.{found[2] or '0'}") * Fraction(10) ** int(found[3] or 0)
        return rf"(\frac{{{value.numerator}}}{{{value.denominator}}})"

    text = re.sub(r"(?<![\d.])(\d*)\.(\d+)(?:[eE]([+-]?\d{1,4})(?![\d.]))?", fraction, text)
    text = re.sub(r"(?<![\d.A-Za-z\\])(\d+)()[eE]([+-]?\d{1,4})(?![\d.])", fraction, text)
    return re.sub(r"(\d+)\.(?!\d)", r"\1", text)


def primes(text: str) -> str:
    r"""`y'` and `y^{\prime}` are another thing than y, which the parser makes of them."""
    text = re.sub(r"\^\s*\{\s*((?:\\prime\s*)+)\}", lambda found: "'" * found[1].count("prime"), text)
    return re.sub(r"(?<![A-Za-z\\])([A-Za-z])('+)", lambda found: rf"{found[1]}_{{prime{len(found[2])}}}", text)


# Letters that the parser refuses, takes for a constant, or for a function of what follows; each as a letter that hardly occurs.
_LETTERS = tuple(
    (re.compile(pattern), command)
    for pattern, command in (
        (r"(?<![A-Za-z\\])E(?=\s*_)", r"\Xi"),
        (r"(?<![A-Za-z\\])e(?=\s*_)", r"\xi"),
        (r"(?<![A-Za-z\\])I(?![A-Za-z]|\s*\()", r"\Upsilon"),
        (r"\\gamma(?![A-Za-z])", r"\varsigma"),
        (r"\\Gamma(?![A-Za-z]|\s*\()", r"\varrho"),
    )
)


def names(text: str) -> str:
    r"""`E_{1}`, `I^2`, `\gamma`, `x_{max}`, `M_{\odot}`: letters, with an index."""
    text = re.sub(r"\\lambda_\{\\text\{\s*([a-z]+)\s*\}\}", r"\\lambda_{\1}", text)
    text = re.sub(r"_\{\s*\\text\s*\{\s*([A-Za-z]+)\s*\}\s*\}", r"_{x\1}", text)
    text = re.sub(r"_\{\s*\\(max|min|odot|oplus)\s*\}", r"_{x\1}", text)
    for letter, stands_for in _LETTERS:
        text = letter.sub(lambda _, command=stands_for: command + " ", text)
    return text


def natural_log(text: str) -> str:
    r"""`\log 2` is the natural logarithm, where the parser takes base 10; `\log_{10}` and `\lg` are that."""
    text = re.sub(r"\\lg(?![A-Za-z])", r"\\log_{10}", text)
    return re.sub(r"\\log(?![A-Za-z])(?!\s*_)", r"\\ln", text)


def derivatives(text: str) -> str:
    r"""`\frac{dx}{dt}`: with the spaces without which the parser reads a fraction of products."""
    variable = r"(\\?[A-Za-z]+(?:_\{\w+\})?)"
    return re.sub(rf"\\frac\{{\s*(d(?:\^\{{\d\}})?)\s*{variable}\s*\}}\{{\s*d\s*{variable}", r"\\frac{\1 \2}{d \3", text)


_FACTOR = (
    r"\(|\[|e(?![A-Za-z])|\\(?:frac|sqrt|binom|lfloor|lceil|max|min|gcd|lcm|exp|ln|log|(?:arc)?(?:sin|cos|tan)|cot|sec|csc)"
    r"(?![A-Za-z])"
)
_PRODUCT = re.compile(rf"(\d|\)|\\pi)\s*(?={_FACTOR})")


def products(text: str) -> str:
    r"""`2(3)`, `(2)(3)`, `\pi(3)`, `2e^{0}`: with a sign of multiplication, where the parser adds an integer to a number."""
    text = re.sub(r"^([^|]*[\d)])\s*(\|[^|]*\|)", r"\1 \\cdot \2", text)
    text = _PRODUCT.sub(r"\1 \\cdot ", text)
    return re.sub(r"(?<=\))\s*(?=\d|[A-Za-z])", r" \\cdot ", text)


def degrees(text: str) -> str:
    r"""`\cos 60^{\circ}` is a cosine of pi/3, where the parser takes 60 radians."""
    text = re.sub(r"(\d+(?:\.\d+)?|\([^()]*\))\s*\^\s*\{\s*\\circ\s*\}", r"(\1 \\cdot \\frac{\\pi}{180})", text)
    if "\\circ" in text:
        raise Unreadable
    return text


def odd_roots(text: str) -> str:
    r"""`\sqrt[3]{-8}` is -2, where sympy takes the principal root."""
    return re.sub(r"\\sqrt\[(\d*[13579])\]\{\s*-\s*([\d.]+)\s*\}", r"(-\\sqrt[\1]{\2})", text)


def signs(text: str) -> str:
    r"""`*`, `\div`, `\ast`, `[ ]` for parentheses, `\exp x`."""
    text = text.replace("*", r" \cdot ").replace(r"\ast", r"\cdot")
    return re.sub(r"(?<!\\sqrt)\[([^\[\]]*)\]", r"(\1)", text)


READABLE = (
    no_neighbours,
    degrees,
    primes,
    derivatives,
    names,
    natural_log,
    exact_decimals,
    mixed_numbers,
    odd_roots,
    signs,
    products,
)


def readable(text: str) -> str:
    """`text` after the rules above."""
    for rule in READABLE:
        text = rule(text)
    return text


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
