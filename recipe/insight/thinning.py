"""Curves of many steps, reduced to what a screen can show."""

from __future__ import annotations

import numpy as np

POINTS = 800  # of a curve; a plot is some 600 pixels wide
BINS = 300  # of means


def thin(steps: np.ndarray, values: np.ndarray, points: int = POINTS) -> tuple[np.ndarray, np.ndarray]:
    """The ends, and the lowest and the highest point of each of `points` / 2 buckets; a curve with fewer points as it is.

    steps, values: `[N]`, in the order of steps. NaN is a gap: a bucket with one keeps one, so that the gap stays to be seen.
    Returns at most 1.5 `points` + 2 of them. So no spike is lost, and none is made up.
    """
    if len(steps) <= points:
        return steps, values
    kept = {0, len(steps) - 1}
    for bucket in np.array_split(np.arange(len(steps)), points // 2):
        found = values[bucket]
        known = bucket[~np.isnan(found)]
        if len(known):
            kept.update((known[np.argmin(values[known])], known[np.argmax(values[known])]))
        if len(known) < len(bucket):
            kept.add(bucket[np.argmax(np.isnan(found))])
    order = np.array(sorted(kept))
    return steps[order], values[order]


def bin_means(steps: np.ndarray, columns: np.ndarray, bins: int = BINS) -> tuple[np.ndarray, np.ndarray]:
    """Means of what is no NaN over `bins` runs of consecutive steps; as given if N <= bins.

    steps: `[N]`; columns: `[K, N]`. Returns the middle step of each bin, and `[K, bins]` with NaN where a bin has nothing.
    """
    if len(steps) <= bins:
        return steps, columns
    starts = np.linspace(0, len(steps), bins, endpoint=False).astype(int)
    sums = np.add.reduceat(np.nan_to_num(columns), starts, axis=1)
    counts = np.add.reduceat(~np.isnan(columns), starts, axis=1, dtype=float)
    ends = np.append(starts[1:], len(steps))
    return steps[(starts + ends) // 2], np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
