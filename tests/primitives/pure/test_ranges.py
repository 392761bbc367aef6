"""Range checks at their borders: what is allowed, what is not, and that the message has name, value and limit."""

from types import SimpleNamespace

from recipe.primitives.ranges import check_choice, check_clip_range, check_fraction, check_not_negative, check_positive
from tests.pure_support import raises

NO_NUMBERS = ("1", None, True, False, [1], float("nan"), float("inf"), -float("inf"))


def test_fractions_include_both_ends():
    for value in (0, 0.0, 0.5, 1, 1.0):
        check_fraction("share", value)
    for value in (-1e-9, 1 + 1e-9, *NO_NUMBERS):
        with raises(ValueError, f"share is {value!r}", "between 0 and 1"):
            check_fraction("share", value)


def test_positive_numbers_are_above_the_limit():
    for value, above in ((1e-9, 0.0), (5, 0.0), (1 + 1e-9, 1.0)):
        check_positive("size", value, above)
    for value, above in ((0, 0.0), (-1, 0.0), (1.0, 1.0), (0.5, 1.0), *((x, 0.0) for x in NO_NUMBERS)):
        with raises(ValueError, f"size is {value!r}", f"greater than {above:g}"):
            check_positive("size", value, above)


def test_numbers_of_at_least_0_stay_below_the_limit():
    for value, below in ((0, 1.0), (1 - 1e-9, 1.0), (1e9, float("inf"))):
        check_not_negative("tau", value, below)
    for value in (-1e-9, *NO_NUMBERS):
        with raises(ValueError, f"tau is {value!r}", "at least 0"):
            check_not_negative("tau", value)
    for value in (1.0, 2):
        with raises(ValueError, f"tau is {value!r}", "at least 0 and below 1"):
            check_not_negative("tau", value, below=1.0)


def test_a_choice_is_one_of_those_named():
    check_choice("variant", "b", ("a", "b"))
    for value in ("c", "", None):
        with raises(ValueError, f"variant is {value!r}", "a, b"):
            check_choice("variant", value, ("a", "b"))


def test_each_part_of_the_clip_range_is_checked_under_its_own_name():
    fine = {"clip_ratio_low": 0.2, "clip_ratio_high": 0.28, "clip_ratio_c": 10.0}
    check_clip_range(SimpleNamespace(**fine))
    # An upper side above 1 is a clip range, and the lower side may be closed or reach down to 0.
    check_clip_range(SimpleNamespace(**fine | {"clip_ratio_high": 1.5}))
    for low in (0, 1):
        check_clip_range(SimpleNamespace(**fine | {"clip_ratio_low": low}))
    for name, value in (("clip_ratio_low", 1.5), ("clip_ratio_low", -0.1), ("clip_ratio_high", 0.0), ("clip_ratio_c", 1.0)):
        with raises(ValueError, f"actor.{name} is {value}"):
            check_clip_range(SimpleNamespace(**fine | {name: value}))
