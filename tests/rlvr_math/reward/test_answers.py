import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipe.rlvr_math.reward.answers import MAX_ANSWER, clean, final_answer, normalise, quick_verdict


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (r"so \boxed{5}, no: \boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{\text{a}_{\text{b}}}", r"\text{a}_{\text{b}}"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed {7}", "7"),
        (r"\boxed{\boxed{7}}", "7"),
        ("Answer: 34\nthat is it", "34"),
        ("Answer:\n34", "34"),
        ("**Answer:** 34", "34"),
        ("FINAL ANSWER : 34", "34"),
        ("Answer: 1\nAnswer: 2", "2"),
        (r"\boxed{1}" + "\nAnswer: 2", "2"),
        ("Answer: 2\n" + r"no, \boxed{1}", "1"),
        (r"Answer: $\boxed{34}$", "34"),
        (r"\boxed{5} or \boxed{6", None),
        ("Answer: 5, " + r"\boxed{6", r"5, \boxed{6"),
        (r"So \boxed{5}. I checked my answer: it is right.", "5"),
        (r"So \boxed{5}." + "\nThe final answer: 6", "6"),
        ("I say 5. My answer: 6", "6"),
        ("Answer:\n$$\n42\n$$", "42"),
        ("Answer: \\[\n42\n\\]\nthat is it", "42"),
        ("Answer: $$\n42", "$$"),
        (r"\boxed{}", ""),
        ("Answer: **73**", "73**"),
        ("**Answer: 73**", "73**"),
        ("> Answer: `73`", "`73`"),
        ("Answer\N{FULLWIDTH COLON}73", "73"),
        ("\N{WHITE HEAVY CHECK MARK} Final Answer: 73", "73"),
        ("The answer is: 73", "73"),
        (r"so \boxed 5", "5"),
        (r"so \boxed x.", "x"),
        (r"\boxed{5} and \boxed{}", "5"),
        (r"\boxed{5}" + "\n\nAnswer:", "5"),
        (r"\boxed{5}" + "\n\nAnswer:  \n", "5"),
        ("Answer: 5\nAnswer:", "5"),
        ("Answer: 5\n\nI checked the answer: it is right.", "5"),
        ("Answer: 5\n\nThe answer: we are quite sure of it.", "5"),
        ("Answer: 5\nNote on the answer: both signs give 6.", "5"),
        ("Answer: 5\nWait.\nAnswer: 6", "6"),
        ("Answer: Friday", "Friday"),
        ("Answer: all the primes", "all the primes"),
        ("Answers: 5", None),
        ("unanswerable: 5", None),
        ("34", None),
        ("", None),
    ],
)
def test_the_last_box_or_answer_line_counts(response, answer):
    assert final_answer(response) == answer


def test_what_is_too_long_is_cut_to_one_character_more():
    assert final_answer(r"\boxed{" + "9" * MAX_ANSWER + "}") == "9" * MAX_ANSWER
    for long in (r"\boxed{" + "9" * 10**6 + "}", "Answer: " + "9" * 10**6):
        assert len(final_answer(long)) > MAX_ANSWER


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("$34$.", "34"),
        (r"\(\frac12\)", r"\frac12"),
        (r"\dfrac{1}{2}", r"\frac{1}{2}"),
        (r"\left( 1, 2 \right)", "(1,2)"),
        (r"x\, = \;5", "x=5"),
        (r"10\%", "10"),
        (r"\$36", "36"),
        ("$a +$ $b$", "a + b"),
        ("**7**", "7"),
    ],
)
def test_ways_of_writing_are_one(one, other):
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(
    ("one", "other"), [("1 2", "12"), (r"\pi r", r"\pir"), ("x", "X"), ("$1$ or $2$", "1$ or $2"), ("-1", "1"), ("5!", "5")]
)
def test_what_means_something_is_kept(one, other):
    assert normalise(one) != normalise(other)


@pytest.mark.parametrize(
    ("gold", "answer", "verdict"),
    [
        ("34", "34", True),
        ("34", "+034", True),
        ("0", "-0", True),
        ("34", "-34", False),
        ("34", "9" * 5000, False),
        ("34", "", False),
        ("", "", False),
        ("34", "34.0", None),
        ("42", "٤٢", None),
        ("1234", "1,234", None),
        ("x", "y", None),
    ],
)
def test_strings_and_integers_need_no_computer_algebra(gold, answer, verdict):
    assert quick_verdict(gold, answer) is verdict


@given(st.text())
def test_any_text_is_cleaned_once_and_for_all(text):
    assert clean(clean(text)) == clean(text)
    final_answer(text)


@given(
    st.integers(), st.sampled_from(["\\boxed{%d}", "Answer: %d", "Answer: $%d$.", "**Answer**: %d", "Answer: \\boxed{ %d }"])
)
def test_any_integer_is_found(number, form):
    found = normalise(final_answer("Some words. " + form % number))
    assert quick_verdict(str(number), found) is True


@pytest.mark.parametrize(
    ("response", "answer"),
    [("1. Answer: 42", "42"), ("Answer:\n```\n42\n```", "42"), ("so 1. Answer: 42 is it\nAnswer: 5", "5")],
)
def test_items_and_fences(response, answer):
    assert final_answer(response) == answer
