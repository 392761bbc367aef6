"""Limits for single steps: one that is far from those before it, and those without a finite number."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

from recipe.token_level.signs.limits import WINDOW, Limit, Reading


@dataclass(frozen=True)
class Spike(Limit):
    """The last value is `times` the median of the `steps` before it, or of those that there are."""

    times: float
    steps: int
    window: int = field(default=1, kw_only=True)

    def read(self, history, shown):
        before = history.values[-1 - self.steps : -1]
        if len(before) < WINDOW or (median := statistics.median(before)) <= 0:
            return None
        return Reading(history.values[-1], self.times * median, f"the median of the {len(before)} before is {shown(median)}")

    def words(self, shown):
        return f"{self.times:g} times the median of the last {self.steps} steps"


@dataclass(frozen=True)
class NotFinite(Limit):
    """In `count` of the last `steps` steps the metric was not finite. The value is their number."""

    count: int
    steps: int
    window: int = field(default=1, kw_only=True)
    odd = True

    def read(self, history, shown):
        recent = history.finite[-self.steps :]
        return Reading(recent.count(False), self.count, f"in the last {len(recent)} steps") if recent else None

    def words(self, shown):
        return f"not finite in {self.count} of {self.steps} steps"
