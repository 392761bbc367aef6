from fractions import Fraction

import pytest

from recipe.rlvr_math.reward.unit_names import ratio
from recipe.rlvr_math.reward.units import split_unit


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [
        (r"5 \text{ m}", "5", "m"),
        ("73 minutes", "73", "min"),
        (r"73\text{ cm}^{2}", "73", "cm^2"),
        (r"166 \text{ cm^{2}}", "166", "cm^2"),
        (r"12\text{ square cm}", "12", "cm^2"),
        (r"5\text{ cubic meters}", "5", "m^3"),
        (r"90\text{ km/h}", "90", "km/h"),
        (r"28\%", "28", "percent"),
        (r"\$73", "73", "dollar"),
        (r"90^{\circ}", "90", "degree"),
        ("4 apples", "4", "apple"),
        (r"2\pi \text{ cm}", r"2\pi", "cm"),
    ],
)
def test_units_are_split_off(text, number, unit):
    assert split_unit(text) == (number, unit)


@pytest.mark.parametrize(
    "text",
    [
        "5 m",
        "5",
        r"\text{Friday}",
        r"4 \text{ or more}",
        "4 million",
        "5 squared",
        r"\text{not } 5 \text{ but six}",
        r"\cos 60^{\circ}",
        r"4\text{ and }5",
        "5 and a half",
    ],
)
def test_what_is_no_unit_stays(text):
    assert split_unit(text) == (text, None)


@pytest.mark.parametrize(
    ("unit", "other", "size"),
    [
        ("km", "m", 1000),
        ("km/h", "m/s", Fraction(5, 18)),
        ("m^2", "cm^2", 10_000),
        ("h", "min", 60),
        ("km", "s", None),
        ("m", "m^2", None),
    ],
)
def test_sizes(unit, other, size):
    assert ratio(unit, other) == size
