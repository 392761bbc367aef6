r"""Responses near a published answer, all of them wrong.

As in `rewritings`: a rule is a function of the gold's body, or gives None where what it makes might be right. `MUTATIONS` says
for which kinds it is meant. `mutate` draws 12 of the rules that apply, each in a place of `places.PLACES`; some of them are
`NO_ANSWER`, the right answer where it does not count.

numbers.py    integers, decimals, fractions
values.py     any one value, and what holds it without stating it
several.py    what has a mark, a unit, sides or parts, and what is unrelated
"""

from __future__ import annotations

import random

from benchmarks.verdicts.golds import Gold
from benchmarks.verdicts.mutations.numbers import (
    a_half_more,
    comma_for_digits,
    denominator,
    double_decimal,
    exponent,
    last_digit,
    misplaced_comma,
    mixed_as_digits,
    negated_decimal,
    negated_fraction,
    nothing,
    numerator,
    one_less,
    one_more,
    other_base,
    other_sign,
    reciprocal,
    root,
    rounded_fraction,
    spaced_digits,
    square,
    tenfold,
    upside_down,
)
from benchmarks.verdicts.mutations.several import (
    UNIT,
    UNRELATED,
    as_closed_interval,
    as_inequality,
    complement,
    component_changed,
    component_dropped,
    components_reversed,
    element_added,
    element_alone,
    element_changed,
    element_doubled_in_place,
    element_dropped,
    end_flipped,
    first_end_flipped,
    in_radians,
    mark_tenfold,
    marked_more,
    part_of_union,
    right_side_doubled,
    right_side_more,
    right_side_negated,
    widened,
)
from benchmarks.verdicts.mutations.values import (
    FALSE,
    SIGNS,
    VALUE,
    first_number,
    last_number,
    negated,
    other_letter,
    plus_one,
    sign_inside,
    squared,
    twice,
)
from benchmarks.verdicts.places import PLACES

EACH = 12
_WRAPPED = (plus_one, negated, twice, squared, first_number, last_number, sign_inside, *VALUE, *FALSE, *SIGNS)
MUTATIONS = {
    "integer": (
        one_more, one_less, other_sign, tenfold, a_half_more, square, reciprocal, root, spaced_digits, comma_for_digits,
        misplaced_comma, other_base, *VALUE, *FALSE,
    ),
    "decimal": (last_digit(1), last_digit(-1), exponent(1), exponent(-1), negated_decimal, nothing, double_decimal, *VALUE),
    "fraction": (
        numerator, denominator, upside_down, negated_fraction, rounded_fraction, mixed_as_digits, *VALUE, *FALSE, *SIGNS,
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
