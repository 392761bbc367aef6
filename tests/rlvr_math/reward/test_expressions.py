import pytest
import sympy

from recipe.rlvr_math.reward import expressions
from recipe.rlvr_math.reward.expressions import Sympy, expression
from recipe.rlvr_math.reward.latex_for_parser import READABLE, Unreadable

# Rule, what the parser gets, by which it reads this.
CASES = [
    ("degrees", r"\tan 45^{\circ}", "1"),
    ("primes", "y' - y", "y_{prime1} - y"),
    ("derivatives", r"\frac{dx}{dt} \cdot \frac{dt}{dx}", r"\frac{d x}{d t} \cdot \frac{d t}{d x}"),
    ("names", "E_{1}+I^{2}", "I^{2}+E_{1}"),
    ("names", r"\gamma^{2}", r"\gamma \cdot \gamma"),
    ("natural_log", r"\log 2", r"\ln 2"),
    ("natural_log", r"\log_{10} 100", "2"),
    ("exact_decimals", "1.25x", r"\frac{5}{4}x"),
    ("exact_decimals", "2e3x", "2000x"),
    ("mixed_numbers", r"2\frac{1}{4}x", r"\frac{9}{4}x"),
    ("mixed_numbers", r"2\cdot\frac{1}{4}", r"\frac{1}{2}"),
    ("odd_roots", r"\sqrt[3]{-8}", "-2"),
    ("signs", "[2+x]*3", "3x+6"),
    ("products", "2(3)", "6"),
    ("products", r"\pi(3)", r"3\pi"),
    ("products", "(2)(3)x", "6x"),
    ("products", "5e^{0}", "5"),
    ("products", r"2\cos(0)", "2"),
    ("products", r"3|-2|", "6"),
    ("products", r"2\binom{5}{2}", "20"),
]


@pytest.mark.parametrize(("rule", "text", "same"), CASES)
def test_what_the_parser_gets_wrong_is_handled_before_it(rule, text, same):
    assert expressions.equal(expression(text), expression(same))


def test_every_rule_has_a_case():
    assert {rule.__name__ for rule in READABLE} == {rule for rule, *_ in CASES} | {"no_neighbours"}


@pytest.mark.parametrize("text", ["5 6", "5_{5}", "5'", "12.5.3", "", r"\frac{0}{0}", "5)", "3-", r"12\%", "x<3", "(1,2)"])
def test_what_is_no_expression(text):
    with pytest.raises(Unreadable):
        expression(text)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (r"\frac{100!}{2^{50}}", r"\frac{100!}{2^{50}}+1", False),
        (r"2^{1000}x", r"(2^{1000}+1)x", False),
        (r"\sqrt{2}", r"\sqrt{2}+10^{-500}", False),
        (r"\frac{1}{2004!}", r"\frac{1}{2006!}", False),
        (r"\sqrt{5+2\sqrt{6}}", r"\sqrt{2}+\sqrt{3}", True),
        (r"\lfloor\log_{2} n\rfloor", r"\lfloor\log_{2} w\rfloor", False),
        ("|x|", "x", False),
        (r"\sqrt{x^{2}}", "x", False),
        (r"\sqrt{1/n}", r"\frac{1}{\sqrt{n}}", True),
        (r"\sin^{2} x", r"1-\cos^{2} x", True),
        ("n!", "n(n-1)!", True),
        ("x", "X", False),
        ("x+i", "x+j", False),
        (r"f(x)", r"f(y)", False),
        (r"\frac{d x}{d t}", "0", False),
    ],
)
def test_equality(one, other, same):
    assert Sympy().same(one, other, None) is same


@pytest.mark.parametrize(
    ("gold", "answer", "same"),
    [
        (("y", "2x+1"), ("2x-y+1", "0"), True),
        (("y", "2x+1"), ("0", "0"), False),
        (("y", "2x+1"), ("y", "2x"), False),
        ((r"\frac{d x}{d t}", "kx-a"), ("kx", "a"), False),
        (("y'+ry", "0"), ("y+ry", "0"), False),
    ],
)
def test_equations_are_proportional(gold, answer, same):
    assert Sympy().same_equation(gold, answer) is same


def test_decimals_are_exact():
    assert expression("0.1+0.2").doit() == sympy.Rational(3, 10)
