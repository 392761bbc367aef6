r"""Responses near a published answer, all of them wrong.

As in `rewritings`: a rule is a function of the gold's body, or gives None where what it makes might be right. `MUTATIONS` says
for which kinds it is meant. `mutate` draws 12 of the rules that apply, each in a place of `places.PLACES`; some of them are
`NO_ANSWER`, the right answer where it does not count.
"""

from __future__ import annotations

import random
import re
from decimal import Decimal
from fractions import Fraction

from benchmarks.verdicts.golds import OTHER_UNITS, Gold, items, split
from benchmarks.verdicts.places import PLACES
from benchmarks.verdicts.rewritings import _fraction, scientific

EACH = 12


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
    value = _fraction(body)
    return rf"\frac{{{value.numerator + 1}}}{{{value.denominator}}}"


def denominator(body: str) -> str:
    """p/(q + 1)."""
    value = _fraction(body)
    return rf"\frac{{{value.numerator}}}{{{value.denominator + 1}}}"


def upside_down(body: str) -> str | None:
    """q/p, unless it is p/q."""
    value = _fraction(body)
    return rf"\frac{{{value.denominator}}}{{{value.numerator}}}" if abs(value) != 1 and value else None


def negated_fraction(body: str) -> str | None:
    """-p/q."""
    value = -_fraction(body)
    return rf"\frac{{{value.numerator}}}{{{value.denominator}}}" if value else None


def rounded_fraction(body: str) -> str | None:
    """Two decimals, where that is not the fraction: another number by more than 1 in 1,000."""
    value = _fraction(body)
    near = Fraction(round(value * 100), 100)
    return f"{float(near):.2f}" if value and abs(near / value - 1) > Fraction(1, 1000) else None


def mixed_as_digits(body: str) -> str | None:
    """The whole part run into the numerator: 2 1/4 as 21/4."""
    value = abs(_fraction(body))
    whole, rest = divmod(value, 1)
    return rf"\frac{{{whole}{rest.numerator}}}{{{rest.denominator}}}" if whole and rest else None


def plus_one(body: str) -> str:
    """(g) + 1."""
    return f"({body}) + 1"


def negated(body: str) -> str:
    """-(g): no gold of these kinds is 0."""
    return f"-({body})"


def twice(body: str) -> str:
    """2(g): no gold of these kinds is 0."""
    return f"2({body})"


def squared(body: str) -> str:
    """(g)^2: no gold of these kinds is 0 or 1."""
    return f"({body})^2"


def first_number(body: str) -> str | None:
    """The first number that is no index, exponent or digit of a decimal, one more."""
    return _number_changed(body, lambda numbers: numbers[0])


def last_number(body: str) -> str | None:
    """The last such number, one more."""
    return _number_changed(body, lambda numbers: numbers[-1])


def _number_changed(body: str, choose) -> str | None:
    numbers = [found for found in re.finditer(r"(?<![\d._^])(?<![_^]\{)\d+(?![\d.])", body) if found[0] not in ("0", "1")]
    if not numbers:
        return None
    found = choose(numbers)
    return body[: found.start()] + str(int(found[0]) + 1) + body[found.end() :]


def sign_inside(body: str) -> str | None:
    """The first plus between two terms turned into a minus: no term is 0. Not beside an arbitrary constant, of free sign."""
    if "C" in body or "c e" in body:
        return None
    changed = re.sub(r"(?<=[\w})]) ?\+ ?", " - ", body, count=1)
    return changed if changed != body else None


def other_letter(body: str) -> str | None:
    """Another variable. Not for an arbitrary constant, whose name is free."""
    letters = re.findall(r"(?<![\\A-Za-z_{])([a-z])(?![A-Za-z])", body)
    if not letters or letters[0] in "eic" or "w" in body:
        return None
    return re.sub(rf"(?<![\\A-Za-z]){letters[0]}(?![A-Za-z])", "w", body)


# What holds the value but does not state it. `g` is one value.


def relation(template: str, why: str):
    """A relation, range or list that the value satisfies or is in; `why` says why it is not the value (three are, for 0)."""

    def rule(body: str) -> str | None:
        return template.replace("@", body) if body != "0" or template not in ("|x| = @", "x^2 = @", "@ x") else None

    rule.__name__, rule.__doc__ = template, why
    return rule


VALUE = (
    relation(r"x > @", "a range of values"),
    relation(r"x \ge @", "a range of values"),
    relation(r"x \neq @", "every other value"),
    relation(r"|x| = @", "an equation for x, not its value"),
    relation(r"x^2 = @", "an equation for x, not its value"),
    relation(r"@, (@)+1", "a list of two values"),
    relation(r"@ \text{ or } (@)+1", "one of two values"),
    relation(r"\{@, (@)+1\}", "a set of two values"),
    relation(r"[@, @]", "an interval of one point, or a pair"),
    relation(r"(@, @)", "a pair"),
    relation(r"[(@)-1, (@)+1]", "an interval around the value"),
    relation(r"(@)-1 < x < (@)+1", "an interval around the value"),
    relation(r"@ \text{ to } (@)+1", "a range"),
    relation(r"\text{not } @", "the negation"),
    relation(r"@ + C", "a constant more"),
    relation(r"@ x", "times an unknown"),
)
# Not for decimals: 4.5e33 + 1 is 4.5e33 to its own digits.
_FALSE = (
    relation(r"(@)+1 = @", "a false equation"),
    relation(r"@ = (@)+1", "a false equation, and the other value is last"),
)
_SIGNS = (relation(r"\pm (@)", "two values: no gold of these kinds is 0"),)


def element_dropped(body: str) -> str | None:
    """All but the last one, where that is no repetition."""
    parts = split(body)
    return ", ".join(parts[:-1]) if parts[-1] not in parts[:-1] else None


def element_added(body: str) -> str:
    """One more that is none of them."""
    return body + (", (77, 78)" if body.startswith("(") else ", 77777")


def element_doubled_in_place(body: str) -> str | None:
    """The first one again in place of the last one, where both differ."""
    parts = split(body)
    return ", ".join([*parts[:-1], parts[0]]) if len(set(parts)) == len(parts) else None


def element_changed(body: str) -> str | None:
    """The largest of the integers, one more: it was the only one of its value, and none is larger."""
    parts = split(body)
    if not all(re.fullmatch(r"-?\d+", part) for part in parts):
        return None
    largest = max(parts, key=int)
    return ", ".join(str(int(part) + 1) if part == largest else part for part in parts)


def element_alone(body: str) -> str | None:
    """The first one alone, where another one differs."""
    parts = split(body)
    return parts[0] if len(set(parts)) > 1 else None


def components_reversed(body: str) -> str | None:
    """Of a tuple the last component first, unless it reads the same."""
    parts = items(body)
    return f"({', '.join(reversed(parts))})" if parts != parts[::-1] else None


def component_changed(body: str) -> str:
    """The first component of the first tuple, plus 1. (No list has both.)"""
    head, *rest = split(body)
    first, *others = items(head)
    return ", ".join([f"({first}+1, {', '.join(others)})", *rest])


def component_dropped(body: str) -> str | None:
    """A tuple without its last component."""
    parts = items(body)
    return f"({', '.join(parts[:-1])})" if len(parts) > 2 else None


def as_closed_interval(body: str) -> str | None:
    """Brackets for a pair make it another thing."""
    return f"[{body[1:-1]}]" if body.startswith("(") and len(items(body)) == 2 else None


def end_flipped(body: str) -> str | None:
    """The last end closed instead of open, or open instead of closed."""
    other = {")": "]", "]": ")"}.get(body[-1])
    return body[:-1] + other if other else None


def first_end_flipped(body: str) -> str | None:
    """The first end closed instead of open or the other way round; not an infinite one."""
    return {"(": "[", "[": "("}[body[0]] + body[1:] if not body.startswith(r"(-\infty") else None


def part_of_union(body: str) -> str | None:
    """The first part alone."""
    return body.split(r"\cup")[0].strip() if r"\cup" in body else None


def widened(body: str) -> str:
    """One more part."""
    return rf"{body} \cup (100, 101)"


def complement(body: str) -> str:
    """All other numbers."""
    return rf"\mathbb{{R}} \setminus ({body})" if r"\cup" in body else rf"x \notin {body}"


def right_side_more(body: str) -> str:
    """a = b + 1."""
    return f"{body}+1"


def right_side_negated(body: str) -> str:
    """a = -(b): no right side here is 0."""
    left, right = body.split("=")
    return f"{left}=-({right.strip()})"


def right_side_doubled(body: str) -> str:
    """a = 2(b)."""
    left, right = body.split("=")
    return f"{left}=2({right.strip()})"


def as_inequality(body: str) -> str:
    """a > b."""
    return body.replace("=", ">")


def other_unit(body: str, its: str) -> str:
    """The number with another unit, which is another quantity."""
    return rf"{body} \text{{ {OTHER_UNITS[its]}}}"


def other_unit_plain(body: str, its: str) -> str:
    """The same without \\text."""
    return f"{body} {OTHER_UNITS[its]}"


def more_with_unit(body: str, its: str) -> str:
    """Another number with the unit."""
    return rf"({body}+1) \text{{ {its}}}"


def marked_more(body: str) -> str:
    """One more, with the mark."""
    number = re.match(r"-?\d+(?:\.\d+)?", body)[0]
    return body.replace(number, str(Decimal(number) + 1))


def in_radians(body: str) -> str:
    """The degrees as radians."""
    return re.match(r"-?\d+(?:\.\d+)?", body)[0] + r"\text{ radians}"


def mark_tenfold(body: str) -> str:
    """Ten times as much."""
    number = re.match(r"-?\d+(?:\.\d+)?", body)[0]
    return body.replace(number, str(Decimal(number) * 10))


def text(answer: str):
    """An answer that no gold of the data sets is."""

    def rule(body: str) -> str:
        return answer

    rule.__name__ = f"text {answer}"
    return rule


UNRELATED = tuple(
    text(a) for a in (r"\text{none}", "31415926", "x", r"\emptyset", r"\{\}", "?", r"\infty", "31415926 = 27182818")
)
_WRAPPED = (plus_one, negated, twice, squared, first_number, last_number, sign_inside, *VALUE, *_FALSE, *_SIGNS)
MUTATIONS = {
    "integer": (
        one_more, one_less, other_sign, tenfold, a_half_more, square, reciprocal, root, spaced_digits, comma_for_digits,
        misplaced_comma, other_base, *VALUE, *_FALSE,
    ),
    "decimal": (last_digit(1), last_digit(-1), exponent(1), exponent(-1), negated_decimal, nothing, double_decimal, *VALUE),
    "fraction": (
        numerator, denominator, upside_down, negated_fraction, rounded_fraction, mixed_as_digits, *VALUE, *_FALSE, *_SIGNS,
    ),
    "scalar": _WRAPPED,
    "expression": (*_WRAPPED, other_letter),
    "percent": (marked_more, mark_tenfold, *UNRELATED),
    "degree": (marked_more, mark_tenfold, in_radians, *UNRELATED),
    "equation": (right_side_more, right_side_negated, right_side_doubled, as_inequality, *UNRELATED),
    "list": (
        element_dropped, element_added, element_doubled_in_place, element_changed, element_alone, *UNRELATED,
    ),
    "tuple": (components_reversed, component_changed, component_dropped, as_closed_interval, element_added, *UNRELATED),
    "tuples": (element_dropped, element_added, element_doubled_in_place, component_changed, element_alone, *UNRELATED),
    "interval": (end_flipped, first_end_flipped, part_of_union, widened, complement, *UNRELATED),
    "other": UNRELATED,
}  # fmt: skip
UNIT = (other_unit, other_unit_plain, more_with_unit)

# Places that do not state the answer. `@` is the right answer, `!wrong!` another one.
NO_ANSWER = (
    ("no place", "It is $@$, as we have seen."),
    ("right, then wrong box", r"So $\boxed{@}$. Wait, that is wrong: $\boxed{!wrong!}$."),
    ("right, then wrong line", "Answer: $@$\nNo, I made a mistake.\nAnswer: $!wrong!$"),
    ("right box, then wrong line", "So $\\boxed{@}$. But no.\nAnswer: $!wrong!$"),
    ("both in one line", "Answer: $@$ or $!wrong!$"),
)


def mutate(gold: Gold, rng: random.Random) -> list[tuple[str, str, str]]:
    """Up to `EACH` wrong responses: (rule, place, response)."""
    if gold.unit and gold.kind != "other":
        ways = [(rule.__name__, rule(gold.body, gold.unit)) for rule in UNIT]
        ways += [(rule.__name__, rule(gold.body)) for rule in UNRELATED]
    else:
        ways = [(rule.__name__, rule(gold.text)) for rule in MUTATIONS[gold.kind]]
    ways = [(name, way) for name, way in ways if way is not None]
    wrong = "31415926"
    elsewhere = [
        (gold.kind, place, template.replace("@", gold.text).replace("!wrong!", wrong))
        for place, template in rng.sample(NO_ANSWER, max(2, EACH - len(ways)) if len(ways) > 8 else 4)
    ]
    drawn = rng.sample(ways, min(EACH - len(elsewhere), len(ways)))
    places = rng.sample(PLACES, len(drawn))
    return [
        (name, place, template.replace("@", way).replace("!wrong!", gold.text))
        for (name, way), (place, template) in zip(drawn, places, strict=True)
    ] + elsewhere
