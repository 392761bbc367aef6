"""Limits of a sound run: each reads the history of a metric and says which number is compared with which.

A limit has no state: `read` takes the whole history, so that a resumed run, whose history is read from its files, is judged as
one that was never interrupted. Limits are compared with means, so that one odd step says nothing, but `Spike` and `NotFinite`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from recipe.token_level.signs.history import History

WINDOW = 5  # steps: one odd batch is averaged out, and a collapse takes more than that
Shown = Callable[[float], str]


class Reading(NamedTuple):
    """value: what is compared. limit: it is sick at or beyond it. why: what the limit is, as a part of a sentence.

    begins: False where a sickness does not begin, though one that has begun goes on.
    """

    value: float
    limit: float
    why: str
    begins: bool = True


@dataclass(frozen=True, kw_only=True)
class Limit:
    """What all limits have.

    window: over how many steps the mean is. upper: whether sick is at or above it, or at or below it.
    margin: by which share of the limit the value must be inside it before the sickness is over.
    other: a further metric that is read, "" for none. odd: whether steps without a finite number count.
    """

    window: int = WINDOW
    other: str = ""
    margin: float = 0.1
    upper: ClassVar[bool] = True
    odd: ClassVar[bool] = False

    def read(self, history: History, shown: Shown) -> Reading | None:
        """The number and its limit after the last step; None while there is too little to say. shown: a value with its unit."""
        bound = self.bound(history, shown) if history.means else None
        return bound and Reading(history.means[-1], *bound)

    def bound(self, history: History, shown: Shown) -> tuple[float, str] | None:
        """What the last mean is compared with, and why, as in `Reading`; for limits of means."""
        raise NotImplementedError

    def words(self, shown: Shown) -> str:
        """When it is sick, for the documentation."""
        raise NotImplementedError

    @property
    def of(self) -> str:
        """What the value is."""
        return f"mean of {self.window} steps" if self.window > 1 else "in one step"


def _was(value: float, shown: Shown) -> str:
    return f"it was {shown(value)}"


@dataclass(frozen=True)
class Most(Limit):
    """The mean is at or above a number."""

    limit: float

    def bound(self, history, shown):
        return self.limit, f"sound is less than {shown(self.limit)}"

    def words(self, shown):
        return f"{shown(self.limit)} or more"


@dataclass(frozen=True)
class Least(Limit):
    """The mean is at or below a number."""

    limit: float
    upper = False

    def bound(self, history, shown):
        return self.limit, f"sound is more than {shown(self.limit)}"

    def words(self, shown):
        return f"{shown(self.limit)} or less"


@dataclass(frozen=True)
class Grown(Limit):
    """The mean is `times` its least so far, but at least `floor`; and whatever it was, at `most`."""

    times: float
    floor: float
    most: float

    def bound(self, history, shown):
        grown = max(self.times * history.least, self.floor)
        if grown >= self.most:
            return self.most, f"sound is less than {shown(self.most)}"
        return grown, _was(history.least, shown)

    def words(self, shown):
        return f"{self.times:g} times its least so far and {shown(self.floor)} or more; or {shown(self.most)} or more"


@dataclass(frozen=True)
class Fallen(Limit):
    """The mean is `to` times its greatest so far; and whatever it was, at `least`."""

    to: float
    least: float | None = None
    upper = False

    def bound(self, history, shown):
        fallen = self.to * history.greatest
        if self.least is not None and self.least >= fallen:
            return self.least, f"sound is more than {shown(self.least)}"
        return fallen, _was(history.greatest, shown)

    def words(self, shown):
        least = "" if self.least is None else f", or {shown(self.least)} or less"
        return f"{self.to:g} of its greatest so far or less{least}"


@dataclass(frozen=True)
class Rise(Limit):
    """The mean is `times` its least of the last `steps`, and at least `by` more."""

    times: float
    by: float
    steps: int

    def bound(self, history, shown):
        if len(history.means) < 2:
            return None
        least = min(history.means[-1 - self.steps : -1])
        return max(self.times * least, least + self.by), f"within {self.steps} steps {_was(least, shown)}"

    def words(self, shown):
        return f"{self.times:g} times what it was within the last {self.steps} steps, and {shown(self.by)} more"


@dataclass(frozen=True)
class Fall(Limit):
    """The mean is `to` times its greatest of the last `steps`."""

    to: float
    steps: int
    upper = False

    def bound(self, history, shown):
        before = history.means[-1 - self.steps : -1]
        if not before or (greatest := max(before)) <= 0:
            return None
        return self.to * greatest, f"within {self.steps} steps {_was(greatest, shown)}"

    def words(self, shown):
        return f"{self.to:g} of what it was within the last {self.steps} steps, or less"
