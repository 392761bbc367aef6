"""What is stated of an answer decides, or dresses the right answer for the rules, which are stand-ins here."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipe.rlvr_math.reward.stated import Stated, judged, split

KM, MINUTE, CM2 = {"unit": "km"}, {"unit": "minute"}, {"unit": "cm^2"}
RATE = {"unit": "%", "error": "1e-1"}
SEVERAL, ONE = {"is_multiple_answer": True}, {"is_multiple_answer": False}
HALF = r"\frac{41}{12}"


def asked(gold, answer, stated):
    """The verdict, or the pair that the rules are asked."""
    pairs = []
    verdict = judged(gold, answer, stated, lambda *pair: pairs.append(pair) or "asked")
    return pairs[0] if verdict == "asked" else verdict


@pytest.mark.parametrize(
    ("gold", "answer", "stated", "result"),
    [
        ("45", "45", None, ("45", "45")),
        ("45", "45", {"index": 3, "unit": None}, ("45", "45")),
        ("45", "45", MINUTE, True),
        ("45", "46", MINUTE, False),
        ("45", "45 minutes", MINUTE, ("45", "45")),
        ("45", r"45\;\text{min}", MINUTE, ("45", "45")),
        ("45", "45 hours", MINUTE, False),
        ("45", "45 moons", MINUTE, (r"45\text{ minute }", "45 moons")),
        ("5", "5 m", KM, False),
        ("5", "km", KM, ("5", "km")),
        (HALF, rf"${HALF}$ kilometers", KM, (HALF, HALF)),
        (HALF, rf"{HALF}\,\mathrm{{m}}", KM, False),
        (HALF, r"\frac{83}{20}", KM, (HALF, r"\frac{83}{20}")),
        (r"3\pi", r"3\pi km", KM, (r"3\pi", r"3\pi")),
        ("166", r"166\ \mathrm{cm}^{2}", CM2, ("166", "166")),
        ("166", "166 square centimeters", CM2, ("166", "166")),
        ("166", "166 cm", CM2, False),
        ("60", r"60 \mathrm{~km} / \mathrm{h}", {"unit": "km/h"}, ("60", "60")),
        ("60", "60 km / h", {"unit": "h"}, False),
        ("90", r"90^{\circ}", {"unit": r"^{\circ}"}, ("90", "90")),
        ("4.2", r"4.3\%", RATE, True),
        ("4.2", "4.1 percent", RATE, True),
        ("4.2", r"\frac{83}{20}", RATE, True),
        ("4.2", "4.3000000000000000000001", RATE, False),
        ("4.2", "420", RATE, False),
        ("5", "6", {"error": "1"}, True),
        ("4.2", "1/0", RATE, ("4.2", "1/0")),
        ("4.2", "x", {"error": "much"}, ("4.2", "x")),
        ("100,200", "100200", SEVERAL, False),
        ("100,200", "$200$, $100$", SEVERAL, True),
        ("-2,-2", "-2", SEVERAL, False),
        ("007,1", "1;7", SEVERAL, True),
        (r"\frac{1}{2},\sqrt{x}", r"\sqrt{x}, \dfrac{1}{2}", SEVERAL, True),
        ("1,3", "1 and 3", SEVERAL, ("1, 3", "1 and 3")),
        ("(1,2),(3,4)", "(3,4),(1,2)", SEVERAL, True),
        ("1,234", "1234", ONE, ("1234", "1234")),
        ("1,234", "234, 1", ONE, ("1234", "234, 1")),
        ("(1,4)", "1<x<4", {"answer_type": "Tuple"}, False),
        ("(1,4)", r"(x,y)\in\{(1,4)\}", {"answer_type": "Tuple"}, ("(1,4)", r"(x,y)\in\{(1,4)\}")),
        ("(1,4)", "1<x<4", {"answer_type": "Interval"}, ("(1,4)", "1<x<4")),
    ],
)
def test_who_decides(gold, answer, stated, result):
    assert asked(gold, answer, stated) == result


def test_fields_of_other_types_count_as_not_stated():
    assert Stated.of({"unit": "", "error": 0.1, "is_multiple_answer": "yes"}) == Stated(error="0.1")
    assert Stated.of(None) == Stated()


def test_commas_outside_of_brackets_separate():
    assert split(r"(1,2), [3,4); \{5,6\}, 7") == ["(1,2)", "[3,4)", r"\{5,6\}", "7"]
    assert split(r"1\,000") == [r"1\,000"]
    assert split("") == [""]


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


@given(st.text(alphabet="0123456789,;.-+/ {}()$%\\frackmin", max_size=14))
def test_no_answer_is_right_for_two_of_these(answer):
    """Without a word from the rules, whatever a policy writes."""
    assert sum(judged(gold, answer, stated, lambda gold, given: False) for gold, stated in GOLDS) <= 1


@given(st.text(max_size=60), st.text(max_size=20), st.text(max_size=10))
def test_any_text_is_taken(answer, gold, unit):
    for stated in ({"unit": unit}, {"error": unit}, SEVERAL, {"answer_type": unit}):
        judged(gold, answer, stated, lambda gold, given: False)


def test_a_long_answer_takes_a_moment():
    import time

    start = time.monotonic()
    for answer in ("9" * 1000, "(" * 1000, " km" * 333, "1," * 500, "9e9" * 300, r"\text{" * 160):
        for stated in (KM, RATE, SEVERAL, ONE):
            judged("5,6", answer, stated, lambda gold, given: False)
    assert time.monotonic() - start < 2
