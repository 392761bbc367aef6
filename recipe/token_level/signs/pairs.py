"""Limits for two metrics together: what one does while the other does not follow."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from recipe.token_level.signs.limits import Limit, Reading


@dataclass(frozen=True)
class FallsWhile(Limit):
    """The mean is `to` times its best so far, and at least `by` less, though `other` is no less than it was then."""

    to: float
    by: float
    window: int = field(default=2, kw_only=True)
    upper = False

    def read(self, history, shown):
        if not history.means:
            return None
        best = history.means.index(max(history.means))
        then, now = history.beside[best], history.beside[-1]
        limit = min(self.to * history.means[best], history.means[best] - self.by)
        why = f"it was {shown(history.means[best])}, while {self.other} went from {then:.3g} to {now:.3g}"
        return Reading(history.means[-1], limit, why, begins=now >= then)  # not with NaN

    def words(self, shown):
        return f"{self.to:g} of its best so far and {shown(self.by)} less, while {self.other} is no less than it was then"

    @property
    def of(self):
        return f"mean of {self.window} validations"


@dataclass(frozen=True)
class GrowsWithout(Limit):
    """The mean is `times` what it was when `other` was at its best so far."""

    times: float
    window: int = field(default=20, kw_only=True)

    def read(self, history, shown):
        known = [i for i, x in enumerate(history.beside) if math.isfinite(x)]
        if not known:
            return None
        best = max(known, key=lambda i: (history.beside[i], i))
        then = history.means[best]
        return Reading(history.means[-1], self.times * then, f"it was {shown(then)} when {self.other} was at its best")

    def words(self, shown):
        return f"{self.times:g} times what it was when {self.other} was at its best so far"
