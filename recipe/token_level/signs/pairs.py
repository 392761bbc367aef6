"""Limits for two metrics together: what one does while the other does not follow."""

from __future__ import annotations

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
        best = history.greatest
        then, now = history.beside[history.at_greatest], history.beside[-1]
        limit = min(self.to * best, best - self.by)
        why = f"it was {shown(best)}, while {self.other} went from {then:.3g} to {now:.3g}"
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

    def bound(self, history, shown):
        if history.at_best < 0 or (then := history.means[history.at_best]) <= 0:
            return None
        return self.times * then, f"it was {shown(then)} when {self.other} was at its best"

    def words(self, shown):
        return f"{self.times:g} times what it was when {self.other} was at its best so far"
