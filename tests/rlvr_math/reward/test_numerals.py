from fractions import Fraction

import pytest

from recipe.rlvr_math.reward.numerals import Numeral, meets, numeral


@pytest.mark.parametrize(
    ("text", "value", "last_digit"),
    [
        ("73", 73, None),
        ("-073", -73, None),
        ("--3", 3, None),
        ("5.", 5, None),
        ("1.60", Fraction(8, 5), Fraction(1, 100)),
        (".5", Fraction(1, 2), Fraction(1, 10)),
        ("4.5e33", 45 * 10**32, 10**32),
        ("3e8", 3 * 10**8, 10**8),
        (r"4.5\times 10^{33}", 45 * 10**32, 10**32),
        (r"3\times 10^{-12}", Fraction(3, 10**12), None),
        ("10^{-8}", Fraction(1, 10**8), None),
        (r"\frac{-7}{-3}", Fraction(7, 3), None),
        ("-1./3", Fraction(-1, 3), None),
        (r"2\frac{1}{4}", Fraction(9, 4), None),
        (r"-2\frac{1}{4}", Fraction(-9, 4), None),
        ("2 1/3", Fraction(7, 3), None),
        (r"0.1\overline{6}", Fraction(1, 6), None),
        (r"0.\dot{3}", Fraction(1, 3), None),
        (r"0.333\ldots", Fraction(1, 3), None),
        ("2^{100}", 2**100, None),
        ("(73)", 73, None),
        ("12345678901234567890123", 12345678901234567890123, None),
    ],
)
def test_numerals(text, value, last_digit):
    assert numeral(text) == Numeral(Fraction(value), last_digit and Fraction(last_digit))


@pytest.mark.parametrize(
    "text",
    ["", "7 3", "1.2.3", r"\frac{1}{0}", r"2\frac{5}{4}", "x", "٤٢", "1e999999999", "9^{999999}", "5!", "1,200", "0^{0}"],
)
def test_no_numerals(text):
    assert numeral(text) is None


@pytest.mark.parametrize(
    ("gold", "value", "right"),
    [
        ("2.88e-19", "2.88e-19", True),
        ("2.88e-19", "1.3e-27", False),
        ("0.0000001", "0.0000002", False),
        ("4.5e-12", "0", False),
        ("0", "1e-9", False),
        ("0.0", "1e-9", False),
        ("20.39", "20.394", True),
        ("20.39", "20.4", False),
        ("1.6", "1.65", True),
        ("1.6", "1.651", False),
        ("7e37", "7.4e37", False),
        ("1/3", "0.33333333", False),
    ],
)
def test_no_absolute_tolerance(gold, value, right):
    assert meets(numeral(gold), numeral(value).value) is right
