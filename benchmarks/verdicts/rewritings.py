r"""Other ways of writing a published answer, all of them right.

A rule is a function of the gold's body that returns another way of writing it, or None where it does not apply; its docstring
says why the two are the same. `RULES` says for which kinds of golds (see `golds.Gold`) a rule is meant. `rewrite` draws 12 of
the rules that apply (again and again, if they are fewer) and puts each into a place of `places.PLACES`.
"""

from __future__ import annotations

import math
import random
import re
from decimal import Decimal
from fractions import Fraction

from benchmarks.verdicts.golds import Gold, items, split
from benchmarks.verdicts.places import PLACES

EACH = 12


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


def _fraction(body: str) -> Fraction:
    numbers = [int(digits) for digits in re.findall(r"-?\d+", body)]
    sign = -1 if body.startswith(r"-\frac") else 1
    return Fraction(sign * numbers[0], numbers[1])


def inline(body: str) -> str:
    """p/q on one line."""
    value = _fraction(body)
    return f"{value.numerator}/{value.denominator}"


def expanded(body: str) -> str:
    """2p/2q."""
    value = _fraction(body)
    return rf"\frac{{{2 * value.numerator}}}{{{2 * value.denominator}}}"


def sign_inside(body: str) -> str | None:
    """-p/q is (-p)/q."""
    value = _fraction(body)
    return rf"\frac{{{value.numerator}}}{{{value.denominator}}}" if value < 0 else None


def mixed(body: str) -> str | None:
    """A number and a proper fraction beside each other are their sum."""
    value = _fraction(body)
    whole, rest = divmod(abs(value), 1)
    if not whole or not rest:
        return None
    return rf"{'-' * (value < 0)}{whole}\frac{{{rest.numerator}}}{{{rest.denominator}}}"


def terminating(body: str) -> str | None:
    """The decimal, where it ends."""
    value = _fraction(body)
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return f"{Decimal(value.numerator) / Decimal(value.denominator):f}" if rest == 1 else None


def repeating(body: str) -> str | None:
    """The decimal with its period under a bar, where the period is at most six digits."""
    value = abs(_fraction(body))
    whole, rest = divmod(value, 1)
    digits, seen = "", {}
    while rest and rest not in seen and len(digits) < 12:
        seen[rest] = len(digits)
        digit, rest = divmod(rest * 10, 1)
        digits += str(digit)
    if not rest or rest not in seen or len(digits) - seen[rest] > 6:
        return None
    start = seen[rest]
    return rf"{'-' * (_fraction(body) < 0)}{whole}.{digits[:start]}\overline{{{digits[start:]}}}"


def vulgar(body: str) -> str | None:
    """Unicode's sign for the fraction."""
    signs = {(1, 2): "½", (1, 3): "⅓", (2, 3): "⅔", (1, 4): "¼", (3, 4): "¾", (2, 5): "⅖", (7, 8): "⅞", (1, 10): "⅒"}
    value = _fraction(body)
    return signs.get((value.numerator, value.denominator))


# Any one value.


def in_parentheses(body: str) -> str:
    """(g) is g."""
    return f"({body})"


def plus_zero(body: str) -> str:
    """g + 0 is g."""
    return f"{body} + 0"


def halved_double(body: str) -> str:
    """2g/2 is g."""
    return rf"\frac{{2({body})}}{{2}}"


def minus_minus(body: str) -> str:
    """-(-g) is g."""
    return f"-(-({body}))"


def times_one(body: str) -> str:
    r"""1 \times g is g."""
    return rf"1 \times ({body})"


def last_term_first(body: str) -> str | None:
    """a + b is b + a: the terms between top-level plus signs, the other way round."""
    terms = split(body, "+")
    if len(terms) < 2 or body.startswith(("-", "+")) or any(term.endswith((r"\left", r"\right")) for term in terms):
        return None
    return " + ".join(reversed(terms))


def unicode(body: str) -> str | None:
    r"""Unicode's signs for what has one: pi, roots of digits, squares and cubes, minus, dot, infinity."""
    text = re.sub(r"\\sqrt\{(\d+)\}", lambda match: f"√{match[1]}" if len(match[1]) == 1 else f"√({match[1]})", body)
    text = re.sub(r"\\pi(?![A-Za-z])", "π", text)
    squares = r"(?<=[A-Za-zπ0-9)])\^(?:\{([23])\}|([23])(?!\d))"
    text = re.sub(squares, lambda match: "²³"[int(match[1] or match[2]) - 2], text)
    text = re.sub(r"(?<![\^_{])-(?![\d ]*/)", "\N{MINUS SIGN}", text).replace(r"\cdot", "·").replace(r"\infty", "∞")
    return text if text != body else None


def root_as_power(body: str) -> str | None:
    r"""\sqrt{b} is b^{1/2}."""
    text = re.sub(r"\\sqrt\{(\d+)\}", r"\\cdot \1^{1/2}", body)
    text = re.sub(r"(^|[{(+-]|(?<=\\infty), ?)\s*\\cdot ", r"\1", text)
    return text if r"\sqrt{" in body and r"\sqrt" not in text else None


def under_the_root(body: str) -> str | None:
    r"""a\sqrt{b} is \sqrt{a^2 b} for a > 0."""
    found = re.fullmatch(r"(\d+) ?\\sqrt\{(\d+)\}", body)
    return rf"\sqrt{{{int(found[1]) ** 2 * int(found[2])}}}" if found else None


# Percent and degrees.


def mark(*ways: str):
    """The mark in another way, or none: an answer without a unit is accepted."""

    def rule(body: str) -> str:
        return re.match(r"-?\d+(?:\.\d+)?", body)[0] + ways[0]

    rule.__name__ = f"mark {ways[0] or 'left out'}"
    return rule


def percent_as_number(body: str) -> str:
    """62.5 % is 0.625."""
    return f"{Decimal(re.match(r'[0-9.]+', body)[0]) / 100:f}"


# Equations.


def sides_swapped(body: str) -> str:
    """a = b is b = a."""
    left, right = body.split("=")
    return f"{right.strip()} = {left.strip()}"


def value_alone(body: str) -> str | None:
    """The right side, where the left one only names what was asked for: a letter or f(x)."""
    left, right = body.split("=")
    return right.strip() if re.fullmatch(r"[A-Za-z](_\{[^{}]*\})?(\([a-z]\))?", left.strip()) else None


def difference_zero(body: str) -> str | None:
    """a = b is a - (b) = 0. Not for words such as MR."""
    left, right = body.split("=")
    return f"{left.strip()} - ({right.strip()}) = 0" if not re.search("[A-Z]{2}", body) else None


# Several values. Their order does not matter, which is what the data sets say of several answers.


def reversed_order(body: str) -> str:
    """The last one first."""
    return ", ".join(reversed(split(body)))


def joined_by_and(body: str) -> str:
    """`and` before the last one."""
    parts = split(body)
    return ", ".join(parts[:-1]) + r" \text{ and } " + parts[-1]


def joined_by_or(body: str) -> str | None:
    """`or` between two: both are answers."""
    parts = split(body)
    return rf"{parts[0]} \text{{ or }} {parts[1]}" if len(parts) == 2 else None


def as_set(body: str) -> str | None:
    """In set braces, where all are different."""
    parts = split(body)
    return rf"\{{{', '.join(parts)}\}}" if len(set(parts)) == len(parts) and "=" not in body else None


def each_named(body: str) -> str | None:
    """x = a, x = b."""
    parts = split(body)
    return None if "=" in body or "x" in body else ", ".join(f"x = {part}" for part in parts)


def each_doubled(body: str) -> str | None:
    """Every value as 2g/2."""
    parts = split(body)
    return None if "=" in body else ", ".join(rf"\frac{{2({part})}}{{2}}" for part in parts)


# Tuples and intervals.


def components_doubled(body: str) -> str:
    """Every component as 2g/2."""
    return "(" + ", ".join(rf"\frac{{2({part})}}{{2}}" for part in items(body)) + ")"


def pair_named(body: str) -> str | None:
    """(x, y) = (a, b)."""
    return f"(x, y) = {body}" if len(items(body)) == 2 else None


def in_interval(body: str) -> str:
    r"""x \in I is how the set of all x is written."""
    return rf"x \in {body}"


def as_inequality(body: str) -> str | None:
    """The same set by inequalities, for one interval."""
    if "cup" in body:
        return None
    low, high = split(body[1:-1])
    if low == r"-\infty":
        return f"x {'<' if body[-1] == ')' else '≤'} {high}"
    return low + (" < " if body[0] == "(" else r" \leq ") + "x" + (" < " if body[-1] == ")" else r" \le ") + high


def union_reversed(body: str) -> str | None:
    """A union has no order."""
    parts = re.split(r"\s*\\cup\s*", body)
    return r" \cup ".join(reversed(parts)) if len(parts) > 1 else None


def unit(way: str):
    """The unit of the gold in another type, or none."""

    def rule(body: str, its: str) -> str:
        return body + way.replace("@", its)

    rule.__name__ = f"unit {way or 'left out'}"
    return rule


TEX = (as_published, display_fractions, growing_brackets, thin_spaces, no_spaces, bare_exponents)
_VALUE = (in_parentheses, plus_zero, halved_double, minus_minus, times_one)
RULES = {
    "integer": (
        leading_zero, point_zero, over_one, doubled, sum_of_two, sum_chain, product_and_rest, root_of_square, bold,
        thousands(","), thousands("{,}"), thousands(r"\,"), thousands("\N{THIN SPACE}"), bold_in_parentheses, named, unicode,
        *_VALUE,
    ),
    "decimal": (
        scientific, scientific_dot, scientific_plain, scientific_shifted, capital_e, positional, zero_appended, exact_fraction,
        named, in_parentheses,
    ),
    "fraction": (inline, expanded, sign_inside, mixed, terminating, repeating, vulgar, named, unicode, *_VALUE),
    "scalar": (last_term_first, unicode, root_as_power, under_the_root, named, *_VALUE),
    "expression": (last_term_first, unicode, named, *_VALUE),
    "percent": (mark(r"\%"), mark("%"), mark(" percent"), mark(r"\text{ percent}"), mark(""), percent_as_number),
    "degree": (mark(r"^\circ"), mark(r"^{\circ}"), mark("°"), mark(" degrees"), mark(r"\text{ degrees}"), mark("")),
    "equation": (sides_swapped, value_alone, difference_zero, unicode),
    "list": (reversed_order, joined_by_and, joined_by_or, as_set, each_named, each_doubled, unicode),
    "tuple": (components_doubled, pair_named, unicode),
    "tuples": (reversed_order, joined_by_and, joined_by_or, as_set, unicode),
    "interval": (in_interval, as_inequality, union_reversed, unicode),
    "other": (),
}  # fmt: skip
UNIT = (unit(r"\text{ @}"), unit(r"\,\mathrm{@}"), unit(r"~\text{@}"), unit(" @"), unit(""))


def rewrite(gold: Gold, rng: random.Random) -> list[tuple[str, str, str]]:
    """`EACH` right responses: (rule, place, response)."""
    if gold.unit and gold.kind != "other":
        ways = [(rule.__name__, rule(gold.body, gold.unit)) for rule in UNIT]
    else:
        ways = [(rule.__name__, rule(gold.text)) for rule in (*TEX, *RULES[gold.kind])]
    ways = [(name, text) for name, text in ways if text is not None]
    wrong = "17" if gold.body != "17" else "19"
    rounds = math.ceil(EACH / len(ways))
    drawn = [way for _ in range(rounds) for way in rng.sample(ways, len(ways))][:EACH]
    places = rng.sample(PLACES, EACH)
    return [
        (name, place, template.replace("@", text).replace("!wrong!", wrong))
        for (name, text), (place, template) in zip(drawn, places, strict=True)
    ]
