import numpy as np

from recipe.insight.thinning import bin_means, thin


def test_a_spike_survives_thinning_and_nothing_is_made_up():
    steps, values = np.arange(10_000), np.sin(np.arange(10_000) / 900)
    values[4321], values[8765] = 50, -50
    x, y = thin(steps, values, points=800)
    assert len(x) <= 802
    assert np.all(np.diff(x) > 0)
    assert {50, -50} <= set(y)
    assert np.array_equal(y, values[x])
    assert (x[0], x[-1]) == (0, 9999)


def test_a_gap_survives_thinning():
    values = np.ones(5000)
    values[2000:2100] = np.nan
    x, y = thin(np.arange(5000), values)
    gap = x[np.isnan(y)]
    assert len(gap)
    assert np.all((gap >= 2000) & (gap < 2100))


def test_short_curves_are_left_alone():
    steps, values = np.arange(800) * 3, np.random.default_rng(0).normal(size=800)
    x, y = thin(steps, values)
    assert x is steps
    assert y is values
    assert bin_means(steps[:300], values[None, :300])[1].shape == (1, 300)


def test_bins_have_the_means_of_their_steps():
    steps, columns = np.arange(10, 1010), np.vstack([np.arange(1000.0), np.full(1000, 2.0)])
    columns[0, :10], columns[0, 11] = np.nan, np.nan
    middle, means = bin_means(steps, columns, bins=100)
    assert middle.tolist() == list(range(15, 1010, 10))
    assert np.isnan(means[0, 0])
    assert means[0, 1] == np.mean([10, *range(12, 20)])
    assert np.array_equal(means[0, 2:], np.arange(24.5, 1000, 10))
    assert np.all(means[1] == 2)
