"""Estimators, intervals and tests against closed forms, brute force over all subsets, and exact integers."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipe.rlvr_math.report import majority
from recipe.rlvr_math.report.majority import Answers, group_answers, majority_at_k, normalise
from recipe.rlvr_math.report.statistics import bootstrap_means, holm, mean_at_k, paired_test, pass_at_k, percentile_interval

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_pass_at_k_is_the_share_of_subsets_with_a_right_sample(n):
    for c, k in itertools.product(range(n + 1), range(1, n + 1)):
        subsets = list(itertools.combinations([True] * c + [False] * (n - c), k))
        assert pass_at_k(n, c, k)[0] == pytest.approx(sum(map(any, subsets)) / len(subsets), rel=1e-13, abs=0)


def test_pass_at_k_of_thousands_of_samples_agrees_with_exact_integers():
    n = 5000
    for c, k in itertools.product((0, 1, 3, 70, 2500, 4999, 5000), (1, 2, 64, 1000, 4096, 4930, 5000)):
        exact = float(1 - Fraction(math.comb(n - c, k), math.comb(n, k)))
        assert pass_at_k(n, c, k)[0] == pytest.approx(exact, rel=1e-11, abs=0), (c, k)


def test_problems_may_have_different_numbers_of_samples():
    n, c = np.array([4, 8, 4, 6]), np.array([1, 0, 4, 3])
    single = [pass_at_k(int(a), int(b), 2)[0] for a, b in zip(n, c, strict=True)]
    assert pass_at_k(n, c, 2).tolist() == single
    assert mean_at_k(n, c).tolist() == [0.25, 0.0, 1.0, 0.5]


@settings(deadline=None)
@given(st.integers(1, 150).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))))
def test_pass_at_k_is_bounded_and_grows_with_k(counts):
    n, c = counts
    values = np.array([pass_at_k(n, c, k)[0] for k in range(1, n + 1)])
    assert np.all((values >= 0) & (values <= 1))
    assert np.all(np.diff(values) >= -1e-15)
    assert values[0] == pytest.approx(c / n, abs=1e-15)
    assert values[-1] == float(c > 0)


def test_impossible_counts_are_refused():
    for n, c, k, message in (
        (4, 1, 5, r"pass@5 needs 1 <= k <= n.*n = 4"),
        (4, 1, 0, "pass@0"),
        (4, 5, 1, "0 <= c <= n"),
        (0, 0, 1, "n >= 1"),
        (4, 0.5, 1, "must be integers"),
    ):
        with pytest.raises(ValueError, match=message):
            pass_at_k(n, c, k)
    with pytest.raises(ValueError, match=r"maj@3 needs 1 <= k <= n.*n = 2"):
        majority_at_k(Answers((2,), (1,), 0), [1, 3], RNG)
    with pytest.raises(ValueError, match="no problems"):
        bootstrap_means(np.empty((0, 1)), 0)


def bootstrap_interval(values, seed=0, **options):
    """Of the mean over problems."""
    low, high = percentile_interval(bootstrap_means(np.asarray(values)[:, None], seed, **options))
    return float(low[0]), float(high[0])


def vote(samples):
    """The definition, word by word: the expected share of the win that goes to right samples."""
    groups = {}
    for answer, right in samples:
        if answer is not None:
            groups.setdefault(answer, []).append(right)
    if not groups:
        return 0.0
    most = max(map(len, groups.values()))
    winners = [rights for rights in groups.values() if len(rights) == most]
    return sum(sum(rights) / len(rights) for rights in winners) / len(winners)


def all_subsets(samples, k):
    return np.mean([vote(subset) for subset in itertools.combinations(samples, k)])


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["1", "2", "3", "4", None]), st.booleans()), min_size=1, max_size=9))
def test_maj_at_k_is_the_mean_over_all_subsets(samples):
    ks = range(1, len(samples) + 1)
    expected = [all_subsets([(a, right and a is not None) for a, right in samples], k) for k in ks]
    assert majority_at_k(group_answers(samples), ks, RNG) == pytest.approx(expected, abs=1e-13)


def test_maj_at_k_in_closed_form():
    ks = [1, 2, 5, 100]
    assert majority_at_k(Answers((100,), (100,), 0), ks, RNG) == pytest.approx([1] * 4)
    assert majority_at_k(Answers((), (), 100), ks, RNG).tolist() == [0] * 4
    # the only answer wins wherever it is: pass@k
    expected = [pass_at_k(100, 7, k)[0] for k in ks]
    assert majority_at_k(Answers((7,), (7,), 93), ks, RNG) == pytest.approx(expected, rel=1e-12)
    # ten equal groups, one right: no k helps
    assert majority_at_k(Answers((10,) * 10, (10,) + (0,) * 9, 0), ks, RNG) == pytest.approx([0.1] * 4, rel=1e-11)
    # 3 right and 1 wrong: with 3 of 4, the wrong one is never ahead; with 2, a tie in half of the draws
    assert majority_at_k(Answers((3, 1), (3, 0), 0), [1, 2, 3, 4], RNG) == pytest.approx([0.75, 0.75, 1, 1])


def test_two_answers_agree_with_the_hypergeometric_distribution_up_to_the_limit():
    n, right = majority.EXACT_UP_TO, 520
    for k in (1, 31, 32, 499, 999):
        total = math.comb(n, k)
        exact = sum(
            Fraction(math.comb(right, m) * math.comb(n - right, k - m), total) * (1 if 2 * m > k else Fraction(1, 2))
            for m in range(-(-k // 2), min(k, right) + 1)
        )
        found = majority_at_k(Answers((right, n - right), (right, 0), 0), [k], RNG)[0]
        assert found == pytest.approx(float(exact), rel=1e-9)


def test_beyond_the_limit_random_subsets_come_close(monkeypatch):
    answers, ks = Answers((30, 25, 25, 10), (30, 0, 5, 0), 10), [1, 4, 16, 64, 100]
    exact = majority_at_k(answers, ks, RNG)
    monkeypatch.setattr(majority, "EXACT_UP_TO", 99)
    drawn = majority_at_k(answers, ks, np.random.default_rng(1))
    assert drawn == pytest.approx(exact, abs=4 * 0.5 / math.sqrt(majority.DRAWS))
    assert drawn[-1] == exact[-1] == 1.0
    assert not np.array_equal(drawn[:-1], exact[:-1])
    assert np.array_equal(drawn, majority_at_k(answers, ks, np.random.default_rng(1)))


def test_answers_are_grouped_by_their_normalised_string():
    for variants in (
        ("33", " 33", "033", "$33$", "33.", "$33.$"),
        (r"\frac{1}{2}", r"\dfrac{1}{2}", r"$\tfrac {1}{2}$"),
        (r"(1,\infty)", r"\left(1, \infty\right)"),
        ("0", "000"),
        ("-7", "-07"),
    ):
        assert {normalise(variant) for variant in variants} == {normalise(variants[0])}
    different = [r"\leftarrow", "10", "1.0", "0.5", "1/2", "a", "A", "007a", "-1", "1"]
    assert len({normalise(text) for text in different}) == len(different)
    assert [normalise(text) for text in (None, "", "  ", "$$")] == [None] * 4
    samples = [("1", True), (" 1", False), (None, False), ("2", False), ("01", True), ("", True)]
    assert group_answers(samples) == group_answers(samples[::-1]) == Answers((3, 1), (2, 0), 2)


def test_a_bootstrap_interval_agrees_with_the_normal_one_and_is_reproducible():
    values = RNG.normal(0.4, 0.2, size=300)
    low, high = bootstrap_interval(values, seed=3)
    error = 1.96 * values.std() / math.sqrt(300)
    assert (low, high) == pytest.approx((values.mean() - error, values.mean() + error), abs=0.05 * 2 * error)
    assert bootstrap_interval(values, seed=3) == (low, high) != bootstrap_interval(values, seed=4)
    joint = bootstrap_means(np.stack([values, 2 * values], axis=1), seed=3)
    assert joint[:, 1] == pytest.approx(2 * joint[:, 0])  # columns share their draws


def test_the_bootstrap_covers_the_truth_about_as_often_as_it_says():
    """30 problems with Beta(1, 2) difficulties: of intervals of nominally 95 %, about 93 % hold the mean."""
    rng = np.random.default_rng(7)
    hits = 0
    for seed in range(1000):
        low, high = bootstrap_interval(rng.beta(1, 2, size=30), seed=seed, resamples=1000)
        hits += low <= 1 / 3 <= high
    assert 910 <= hits <= 960


@pytest.mark.parametrize("value", [0.0, 0.1, 1.0])
def test_equal_values_give_an_interval_of_width_zero(value):
    assert bootstrap_interval([value] * 30) == (value, value)


def test_the_exact_test_enumerates_all_signs():
    differences = np.array([0.5, -0.25, 0.125, 0.0, 0.5, 0.25])
    observed = abs(differences.sum())
    sums = [abs(np.dot(signs, differences)) for signs in itertools.product((1, -1), repeat=6)]
    assert paired_test(differences) == np.mean(np.array(sums) >= observed - 1e-12)
    assert paired_test(np.ones(10) / 3) == 2 / 2**10
    assert paired_test(-np.ones(10) / 3) == 2 / 2**10
    assert paired_test(np.zeros(5)) == 1.0
    assert paired_test([0.1, -0.1]) == 1.0
    assert paired_test([0.3]) == 1.0


def test_random_signs_agree_with_the_binomial_distribution():
    differences = np.array([1.0] * 45 + [-1.0] * 26)  # the number of signs turned is Binomial(71, 1/2)
    exact = 2 * sum(math.comb(71, i) for i in range(45, 72)) / 2**71
    assert paired_test(differences) == pytest.approx(exact, abs=4 * math.sqrt(exact / 100_000))
    assert paired_test(np.ones(71)) == 1 / 100_001  # never zero


def test_the_paired_test_finds_a_planted_difference_and_is_calibrated_without_one():
    rng = np.random.default_rng(5)
    noise = rng.normal(size=(400, 40))
    assert paired_test(noise[0] + 1.0) < 1e-4
    rejected = np.mean([paired_test(row, seed=i, flips=1000) <= 0.05 for i, row in enumerate(noise)])
    assert 0.03 <= rejected <= 0.08


def test_holm():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []
