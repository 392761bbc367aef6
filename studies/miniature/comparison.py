"""From results to numbers: metrics of a run, means and intervals over seeds, differences paired by seed. NumPy alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from recipe.rlvr_math.report.statistics import mean_at_k, pass_at_k
from studies.miniature.results import N, right_answers

KS = tuple(2**i for i in range(9))
# Quantile 0.975 of Student's t, by degrees of freedom.
_T = dict(enumerate((12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228), start=1))


@dataclass(frozen=True)
class Interval:
    """Mean of n values and its 95 % interval by Student's t; the ends are NaN for n = 1."""

    mean: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        """In percentage points."""
        ends = "" if math.isnan(self.low) else f" [{100 * self.low:+.1f}, {100 * self.high:+.1f}]"
        return f"{100 * self.mean:+.1f}{ends}"


def interval(values) -> Interval:
    """Of at least one value, e.g. one for each seed."""
    values = np.asarray(values, dtype=float)
    half = _T[len(values) - 1] * values.std(ddof=1) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return Interval(values.mean(), values.mean() - half, values.mean() + half, len(values))


def mean_at(result: dict, k: int = N, difficulty: str | None = None) -> float:
    """Accuracy of the first k responses, mean over problems."""
    right = right_answers(result, difficulty)[:, :k]
    return float(mean_at_k(right.shape[1], right.sum(1)).mean())


def pass_at(result: dict, k: int, difficulty: str | None = None) -> float:
    """pass@k from all responses, mean over problems."""
    right = right_answers(result, difficulty)
    return float(pass_at_k(right.shape[1], right.sum(1), k).mean())


def widening(result: dict) -> float:
    """pass@256 minus pass@1: how much the sampling budget brings."""
    return pass_at(result, KS[-1]) - pass_at(result, 1)


@dataclass(frozen=True)
class Comparison:
    """One arm minus another: the differences of a metric, one for each seed that both have, and how many seeds are planned."""

    differences: list[float]
    planned: int

    @property
    def finished(self) -> bool:
        """Before that nothing is concluded from it."""
        return len(self.differences) >= self.planned

    @property
    def verdict(self) -> str:
        """What the plan concludes, if this is its primary comparison."""
        if not self.finished:
            return f"not finished: {len(self.differences)} of {self.planned} seeds"
        found = interval(self.differences)
        if found.low > 0:
            return "HTPO helps here"
        return "HTPO does not help here" + ("" if found.high < 0 else " (the interval holds 0)")


def differences(runs: dict[int, dict], others: dict[int, dict], metric) -> list[float]:
    """Of a metric, one for each seed that both have."""
    return [metric(runs[seed]) - metric(others[seed]) for seed in sorted(runs.keys() & others.keys())]
