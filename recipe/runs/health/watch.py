"""One sign of sickness over the steps of a run."""

from __future__ import annotations

import math
from collections.abc import Mapping

from recipe.token_level.signs import Limit, Sign
from recipe.token_level.signs.history import History, number
from recipe.token_level.signs.limits import Reading

# Inside the limit by its margin, so many times in a row, it is over: a value at the limit is not said again and again.
CALM = 5


class Watch:
    """began: the step in which the sickness began, None if there is none. said: the sentence of then."""

    def __init__(self, sign: Sign):
        self.sign = sign
        self.history = History(sign.limit.window)
        # A metric beside it is logged in each step, even where this one is not.
        self.other = History(max(sign.limit.window, Limit.window))
        self.began: int | None = None
        self.said = ""
        self.calm = 0

    def look(self, step: int, metrics: Mapping) -> str | None:
        """A sentence when the sickness begins or is over at this step, else None."""
        sign = self.sign
        if sign.limit.other and (beside := number(metrics, sign.limit.other)) is not None:
            self.other.add(beside)
        value = number(metrics, sign.metric)
        if value is None:
            return None
        self.history.add(value, self.other.means[-1] if self.other.means else math.nan)
        if not (self.history.finite[-1] or sign.limit.odd):
            return None
        reading = sign.limit.read(self.history, sign.shown)
        return None if reading is None else self._judge(step, reading)

    def _judge(self, step: int, reading: Reading) -> str | None:
        sign, sick = self.sign, self._beyond(reading, 0.0 if self.began is None else self.sign.limit.margin)
        number_now = f"{sign.metric} is {sign.shown(reading.value)} ({sign.limit.of}"
        if self.began is None:
            if not (sick and reading.begins):
                return None
            self.began, self.calm = step, 0
            self.said = f"{number_now}; {reading.why}): {sign.meaning}; {sign.advice}"
            return self.said
        self.calm = 0 if sick else self.calm + 1
        if self.calm < CALM:
            return None
        began, self.began = self.began, None
        return f"{number_now}): the warning of step {began} is over"

    def _beyond(self, reading: Reading, margin: float) -> bool:
        """margin: by how much the limit is tightened."""
        away = abs(reading.limit) * margin
        return reading.value >= reading.limit - away if self.sign.limit.upper else reading.value <= reading.limit + away
