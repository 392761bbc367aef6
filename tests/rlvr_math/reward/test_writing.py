import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipe.rlvr_math.reward import writing
from recipe.rlvr_math.reward.writing import plain

# Rule, what it is given, what it makes of it.
CASES = [
    ("unicode_signs", "2√3", r"2\sqrt{3}"),
    ("unicode_signs", "½", r"\frac{1}{2}"),
    ("unicode_signs", "\N{MINUS SIGN}4", "-4"),
    ("unicode_signs", "x¹⁰", "x^{10}"),
    ("unicode_signs", "[2,∞)", r"[2,\infty )"),
    ("unicode_signs", "٤٢", "٤٢"),
    ("grouped_roots", "√(2+x)", r"\sqrt{2+x}"),
    ("grouped_roots", r"4\sqrt(2)", r"4\sqrt{2}"),
    ("grouped_roots", "sqrt((1+x)/2)", r"\sqrt{(1+x)/2}"),
    ("sizes_and_spaces", r"\left(1,\!2\right)", " (1,2 )"),
    ("sizes_and_spaces", r"\dfrac{1}{2}\;x", r"\frac{1}{2} x"),
    ("sizes_and_spaces", r"1 \\ 2", r"1 \\ 2"),
    ("undress", r"\textbf{(073)}", "(073)"),
    ("undress", r"\boxed{\boxed{5}}", "5"),
    ("undress", r"\mathrm{e}^x", "e^x"),
    ("undress", r"5\,\mathrm{km}", r"5\,\text{km}"),
    ("undress", r"\text{5 or 6}", r"\text{5 or 6}"),
    ("formula_signs", r"$69$,$84$", "69,84"),
    ("formula_signs", r"\$5", r"\$5"),
    ("percent", r"28\text{ per cent}", r"28\%"),
    ("percent", "28%", r"28\%"),
    ("code", "np.arcsin(10/13)", r"\arcsin (10/13)"),
    ("code", "2**3", "2^3"),
    ("code", "spin", "spin"),
    ("thousands", r"1\,234\,567", "1234567"),
    ("thousands", "1 200", "1200"),
    ("thousands", "1{,}200", "1200"),
    ("thousands", "1, 200", "1, 200"),
    ("thousands", "7 3", "7 3"),
    ("thousands", "12 00", "12 00"),
    ("thousands", "1.234 567", "1.234 567"),
    ("braces", r"\frac12", r"\frac{1}{2}"),
    ("braces", r"\frac\pi2", r"\frac{\pi}{2}"),
    ("braces", r"\frac1{\sqrt2}", r"\frac{1}{\sqrt{2}}"),
    ("braces", r"\frac{\frac12}3", r"\frac{\frac{1}{2}}{3}"),
    ("braces", r"\log_2 8", r"\log_{2} 8"),
    ("braces", r"{n \choose k}", r"\binom{n}{k}"),
    ("braces", r"\tan^{-1} x", r"\arctan x"),
    ("approximately", "about 34", "34"),
    ("approximately", r"\approx 34", "34"),
    ("approximately", "about face", "face"),
    ("number_words", "two hundred and five", "205"),
    ("number_words", r"\text{seven ways}", r"7\text{ ways}"),
    ("number_words", "a two-digit number", "a two-digit number"),
    ("bases", "1101 (base 2)", "1101_{2}"),
    ("bases", "the base is 2", "the base is 2"),
    ("sentence", "The value is $34$", "$34$"),
    ("sentence", "The value is not 34", "The value is not 34"),
    ("sentence", "It is less than 34", "It is less than 34"),
]


@pytest.mark.parametrize(("rule", "text", "made"), CASES)
def test_rules(rule, text, made):
    assert getattr(writing, rule)(text) == made


def test_every_rule_has_a_case():
    assert {rule.__name__ for rule in writing.RULES} - {"undress_marks"} == {rule for rule, *_ in CASES}


@pytest.mark.parametrize(
    ("text", "made"),
    [("**73**", "73"), ("`73`", "73"), ("73**", "73"), ("__73__.", "73"), ("73\u3002", "73"), ("$$73$$", "73")],
)
def test_marks_around_the_whole(text, made):
    assert plain(text) == made


@given(st.text(alphabet=r"\{}()[]$^_%=,.:0123456789xy √½−frac sqrt text", max_size=80))
def test_any_text_can_be_written_plainly(text):
    assert plain(text) == plain(text)


@pytest.mark.parametrize(
    "piece", [r"\frac", "√(", r"\text{", "{", "$", r"\textbf{(", "1,", "1 234 ", "**", r"\boxed{", "^(", "(((("]
)
def test_the_longest_answer_takes_milliseconds(piece):
    start = time.perf_counter()
    plain((piece * 1000)[:1000])
    assert time.perf_counter() - start < 0.5
