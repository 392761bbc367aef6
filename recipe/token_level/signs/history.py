"""What a sign of sickness looks at: the numbers of a metric over the steps of a run, each beside another metric's."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase


def number(metrics: Mapping, name: str) -> float | None:
    """The metric of that name as a float, which may be NaN or infinite; None if it is missing or no number.

    A name with a `*` stands for several: the mean of those that match and are finite.
    """
    if "*" not in name:
        return _float(metrics.get(name))
    found = [_float(metrics[key]) for key in metrics if isinstance(key, str) and fnmatchcase(key, name)]
    found = [x for x in found if x is not None and math.isfinite(x)]
    return math.fsum(x / len(found) for x in found) if found else None


def _float(value) -> float | None:
    if not isinstance(value, numbers.Real):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


@dataclass
class History:
    """A metric's numbers so far.

    window: over how many of them a mean is taken.
    values: the finite ones. means: of the last `window` values, from the `window`-th on.
    beside: for each mean, that of another metric at the time, NaN if there was none yet.
    finite: for every number, also those that are not in `values`, whether it is finite.
    least, greatest: of the means. at_greatest, at_best: where in `means` the greatest stands, and the last one at which the
        other metric was at its greatest; -1 if there is none.
    """

    window: int
    values: list[float] = field(default_factory=list)
    means: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)
    finite: list[bool] = field(default_factory=list)
    least: float = math.inf
    greatest: float = -math.inf
    at_greatest: int = -1
    at_best: int = -1

    def add(self, value: float, beside: float = math.nan) -> None:
        self.finite.append(math.isfinite(value))
        if not self.finite[-1]:
            return
        self.values.append(value)
        if len(self.values) < self.window:
            return
        mean = math.fsum(x / self.window for x in self.values[-self.window :])
        self.means.append(mean)
        self.beside.append(beside)
        self.least = min(self.least, mean)
        if mean > self.greatest:
            self.greatest, self.at_greatest = mean, len(self.means) - 1
        if math.isfinite(beside) and (self.at_best < 0 or beside >= self.beside[self.at_best]):
            self.at_best = len(self.means) - 1
