r"""What is stated of an answer reaches the verdict, by the rules that all answers are compared by."""

import time
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipe.rlvr_math.reward.equality import Judge
from recipe.rlvr_math.reward.expressions import Sympy
from recipe.rlvr_math.reward.stated import Stated, exact_error

KM, MINUTE, CM2 = {"unit": "km"}, {"unit": "minute"}, {"unit": "cm^2"}
RATE = {"unit": "%", "error": "1e-1"}
SEVERAL, ONE, TUPLE = {"is_multiple_answer": True}, {"is_multiple_answer": False}, {"answer_type": "Tuple"}
HALF = r"\frac{41}{12}"


def right(gold, answer, stated):
    return Judge(Sympy()).decide(gold, answer, Stated.of(stated))


@pytest.mark.parametrize(
    ("gold", "answer", "stated", "verdict"),
    [
        ("45", "45", None, True),
        ("45", "45", {"index": 3, "unit": None}, True),
        ("45", "45", MINUTE, True),
        ("45", "46", MINUTE, False),
        ("45", "45 minutes", MINUTE, True),
        ("45", r"45\;\text{min}", MINUTE, True),
        ("45", "45 hours", MINUTE, False),
        ("45", "45 moons", MINUTE, False),
        ("45", "45 s", MINUTE, False),
        ("5", "5 m", KM, False),
        ("5", "5 m", {"unit": "m"}, True),
        ("5", "5 m", {"unit": "s"}, False),
        ("5", "km", KM, False),
        (HALF, rf"${HALF}$ kilometers", KM, True),
        (HALF, rf"{HALF}\,\mathrm{{m}}", KM, False),
        (HALF, r"\frac{83}{20}", KM, False),
        (r"3\pi", r"3\pi km", KM, True),
        (r"3\pi", r"3\pi\text{ km}", KM, True),
        ("166", r"166\ \mathrm{cm}^{2}", CM2, True),
        ("166", "166 cm^2", CM2, True),
        ("166", "166 square centimeters", CM2, True),
        ("166", "166 cm", CM2, False),
        ("166", "166 m^2", CM2, False),
        ("60", r"60 \mathrm{~km} / \mathrm{h}", {"unit": "km/h"}, True),
        ("60", r"60 \mathrm{~m} / \mathrm{s}", {"unit": "km/h"}, False),
        ("60", "60 km / h", {"unit": "h"}, False),
        ("90", r"90^{\circ}", {"unit": r"^{\circ}"}, True),
        ("90", r"\frac{\pi}{2}", {"unit": r"^{\circ}"}, True),
        (r"\angle A=90,\angle B=80", r"80^\circ, 90^\circ", {"unit": r"^{\circ}"} | SEVERAL, True),
        ("7", "7 bananas per furlong", {"unit": "bananas per furlong"}, True),
        ("7", "7 apples per furlong", {"unit": "bananas per furlong"}, False),
        ("4.2", r"4.3\%", RATE, True),
        ("4.2", "4.1 percent", RATE, True),
        ("4.2", r"\frac{83}{20}", RATE, True),
        ("4.2", r"4\frac14", RATE, True),
        ("4.2", r"\sqrt{17}", RATE, True),
        ("4.2", r"\sqrt{19}", RATE, False),
        ("4.2", "4.3000000000000000000001", RATE, False),
        ("4.2", "420", RATE, False),
        ("4.2", "0.042", RATE, False),
        ("4.2", "x=4.15", RATE, True),
        ("4.2", "2+2=4.1", RATE, False),
        ("4.2", "4.1=4.2", RATE, False),
        ("5", "6", {"error": "1"}, True),
        ("5", "7", {"error": "1"}, False),
        ("1.2, 3.4", "3.3, 1.3", RATE, True),
        ("4.2", "1/0", RATE, False),
        ("4.2", "x", {"error": "much"}, False),
        ("100,200", "100200", SEVERAL, False),
        ("100,200", "$200$, $100$", SEVERAL, True),
        ("-2,-2", "-2", SEVERAL, False),
        ("007,1", "1;7", SEVERAL, True),
        (r"\frac{1}{2},\sqrt{x}", r"\sqrt{x}, \dfrac{1}{2}", SEVERAL, True),
        ("1,3", "1 and 3", SEVERAL, True),
        ("(1,2),(3,4)", "(3,4),(1,2)", SEVERAL, True),
        ("1,234", "1234", ONE, True),
        ("1,234", "1,234", ONE, True),
        ("1,234", "234, 1", ONE, False),
        ("(1,4)", "1<x<4", TUPLE, False),
        ("(1,4)", "(1,4)", TUPLE, True),
        ("(1,4)", "1<x<4", {"answer_type": "Interval"}, True),
        ("(1,4)", r"(x,y)\in\{(1,4)\}", TUPLE, True),
    ],
)  # fmt: skip
def test_verdicts(gold, answer, stated, verdict):
    assert right(gold, answer, stated) is verdict


def test_the_rule_is_told():
    judge = Judge(Sympy())
    assert judge.decide("4.2", "4.25", Stated(error="0.1"))
    assert judge.rules == ["within the stated error: equal"]


def test_fields_of_other_types_count_as_not_stated():
    assert Stated.of({"unit": "", "error": 0.1, "is_multiple_answer": "yes"}) == Stated(error="0.1")
    assert Stated.of(None) == Stated()


def test_errors_are_exact():
    assert exact_error("1e-1") == exact_error(" 0.1") == Fraction(1, 10)
    assert exact_error("-1") is exact_error("a little") is exact_error("") is None


GOLDS = [
    ("5", KM),
    ("6", KM),
    ("50", MINUTE),
    ("4.2", RATE),
    ("4.5", RATE),
    ("1,2", SEVERAL),
    ("12", ONE),
    ("1,200", ONE),
    ("7", SEVERAL),
]


class NoAlgebra:
    """Nothing is equal by computing."""

    def __getattr__(self, name):
        return lambda *texts: False


@settings(deadline=None)
@given(st.text(alphabet="0123456789,;.-+/ {}()$%\\frackmin=", max_size=14))
def test_no_answer_is_right_for_two_of_these(answer):
    """Whatever a policy writes."""
    assert sum(Judge(NoAlgebra()).decide(gold, answer, Stated.of(stated)) for gold, stated in GOLDS) <= 1


@settings(deadline=None)
@given(st.text(max_size=60), st.text(max_size=20), st.text(max_size=10))
def test_any_text_is_taken(answer, gold, unit):
    for stated in ({"unit": unit}, {"error": unit}, SEVERAL, {"answer_type": unit}):
        Judge(NoAlgebra()).decide(gold, answer, Stated.of(stated))


def test_a_long_answer_takes_a_moment():
    start = time.monotonic()
    for answer in ("9" * 1000, "(" * 1000, " km" * 333, "1," * 500, "9e9" * 300, r"\text{" * 160):
        for stated in (KM, RATE, SEVERAL, ONE):
            Judge(NoAlgebra()).decide("5,6", answer, Stated.of(stated))
    assert time.monotonic() - start < 2
