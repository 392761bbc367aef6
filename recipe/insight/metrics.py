"""The metrics of a run as curves over its steps."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np

from recipe.files import metrics as files

# What the page may show of any method; verl logs a hundred names more.
_SHOWN = re.compile(r"(rollouts|timing_s|val-core|critic/score|response_length)/|actor/(entropy|grad_norm)$|perf/throughput$")


class Metrics:
    """Steps of a run, in order, and what was logged at each.

    steps: `[N]` int64.
    """

    def __init__(self, by_step: files.Steps) -> None:
        self.steps = np.array(sorted(by_step), dtype=np.int64)
        self._rows = [by_step[step] for step in self.steps.tolist()]
        self.names = frozenset(name for row in self._rows for name in row)

    def column(self, name: str) -> np.ndarray:
        """`[N]` values of a metric, NaN where it was not logged or not finite."""
        return np.array([row.get(name, math.nan) for row in self._rows])

    def known(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Steps and values of a metric where it was logged and finite."""
        values = self.column(name)
        return self.steps[~np.isnan(values)], values[~np.isnan(values)]

    def curve(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Steps and values of a metric where it was logged, NaN where it was not finite."""
        logged = np.array([name in row for row in self._rows], dtype=bool)
        return self.steps[logged], self.column(name)[logged]


def with_gaps(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Put NaN into the stretches that a metric skips: where two of its steps are further apart than they usually are.

    steps, values: `[N]`, in the order of steps.
    """
    if len(steps) < 3:
        return steps, values
    apart = np.diff(steps)
    before = np.flatnonzero((apart > 1.5 * np.median(apart)) & (apart > 1))
    inside = np.unique(np.concatenate([steps[before] + 1, steps[before + 1] - 1]))
    order = np.argsort(np.concatenate([steps, inside]), kind="stable")
    return np.concatenate([steps, inside])[order], np.concatenate([values, np.full(len(inside), np.nan)])[order]


def read_metrics(folder: Path, own: tuple[str, ...] = ()) -> Metrics:
    """What the page may show of a run's metrics.

    own: how the names of the method's own metrics begin.

    Raises:
        ValueError: there is no file of metrics, no step in them, or a line that is no step; the message names file and line.
    """
    found = files.metrics_files(folder)
    if not found:
        raise ValueError(
            f"{folder} has no metrics*.jsonl; is it a run's folder? A run writes them beside its "
            "checkpoints when `file` is in trainer.logger"
        )
    by_step = files.read_metrics(folder, lambda name: name.startswith(own) or bool(_SHOWN.match(name)))
    if not by_step:
        raise ValueError(f"{found[-1]} has no finished step yet; wait for the first one")
    return Metrics(by_step)
