r"""Other ways of writing a published answer, all of them right.

A rule is a function of the gold's body that returns another way of writing it, or None where it does not apply; its docstring
says why the two are the same. `RULES` says for which kinds of golds (see `golds.Gold`) a rule is meant. `rewrite` draws 12 of
the rules that apply (again and again, if they are fewer) and puts each into a place of `places.PLACES`.

tex.py        what TeX sets alike
numbers.py    integers, decimals, fractions
values.py     any one value
several.py    what has a mark, a unit, sides or parts
"""

from __future__ import annotations

import math
import random

from benchmarks.verdicts.golds import Gold
from benchmarks.verdicts.places import PLACES
from benchmarks.verdicts.rewritings.numbers import (
    bold,
    bold_in_parentheses,
    capital_e,
    doubled,
    exact_fraction,
    expanded,
    inline,
    leading_zero,
    mixed,
    named,
    over_one,
    point_zero,
    positional,
    product_and_rest,
    repeating,
    root_of_square,
    scientific,
    scientific_dot,
    scientific_plain,
    scientific_shifted,
    sign_inside,
    sum_chain,
    sum_of_two,
    terminating,
    thousands,
    vulgar,
    zero_appended,
)
from benchmarks.verdicts.rewritings.several import (
    UNIT,
    as_inequality,
    as_set,
    components_doubled,
    difference_zero,
    each_doubled,
    each_named,
    in_interval,
    joined_by_and,
    joined_by_or,
    mark,
    pair_named,
    percent_as_number,
    reversed_order,
    sides_swapped,
    union_reversed,
    value_alone,
)
from benchmarks.verdicts.rewritings.tex import TEX
from benchmarks.verdicts.rewritings.values import (
    halved_double,
    in_parentheses,
    last_term_first,
    minus_minus,
    plus_zero,
    root_as_power,
    times_one,
    under_the_root,
    unicode,
)

EACH = 12
VALUE = (in_parentheses, plus_zero, halved_double, minus_minus, times_one)
RULES = {
    "integer": (
        leading_zero, point_zero, over_one, doubled, sum_of_two, sum_chain, product_and_rest, root_of_square, bold,
        thousands(","), thousands("{,}"), thousands(r"\,"), thousands("\N{THIN SPACE}"), bold_in_parentheses, named, unicode,
        *VALUE,
    ),
    "decimal": (
        scientific, scientific_dot, scientific_plain, scientific_shifted, capital_e, positional, zero_appended, exact_fraction,
        named, in_parentheses,
    ),
    "fraction": (inline, expanded, sign_inside, mixed, terminating, repeating, vulgar, named, unicode, *VALUE),
    "scalar": (last_term_first, unicode, root_as_power, under_the_root, named, *VALUE),
    "expression": (last_term_first, unicode, named, *VALUE),
    "percent": (mark(r"\%"), mark("%"), mark(" percent"), mark(r"\text{ percent}"), mark(""), percent_as_number),
    "degree": (mark(r"^\circ"), mark(r"^{\circ}"), mark("°"), mark(" degrees"), mark(r"\text{ degrees}"), mark("")),
    "equation": (sides_swapped, value_alone, difference_zero, unicode),
    "list": (reversed_order, joined_by_and, joined_by_or, as_set, each_named, each_doubled, unicode),
    "tuple": (components_doubled, pair_named, unicode),
    "tuples": (reversed_order, joined_by_and, joined_by_or, as_set, unicode),
    "interval": (in_interval, as_inequality, union_reversed, unicode),
    "other": (),
}  # fmt: skip


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
