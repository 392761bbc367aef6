"""The metrics of a run, from the files of verl's `file` logger."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np

# What the page may show of any method; verl logs a hundred names more.
_SHOWN = re.compile(r"(rollouts|timing_s|val-core|critic/score|response_length)/|actor/(entropy|grad_norm)$|perf/throughput$")


class Metrics:
    """Steps of a run, in order, and what was logged at each.

    steps: `[N]` int64.
    """

    def __init__(self, by_step: dict[int, dict[str, float]]) -> None:
        self.steps = np.array(sorted(by_step), dtype=np.int64)
        self._rows = [by_step[step] for step in self.steps.tolist()]
        self.names = frozenset(name for row in self._rows for name in row)

    def column(self, name: str) -> np.ndarray:
        """`[N]` values of a metric, NaN where it was not logged."""
        return np.array([row.get(name, math.nan) for row in self._rows])

    def known(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Steps and values of a metric where it was logged."""
        values = self.column(name)
        return self.steps[~np.isnan(values)], values[~np.isnan(values)]


def read_metrics(folder: Path, own: tuple[str, ...] = ()) -> Metrics:
    """Merge the `metrics*.jsonl` of a run: where two files have a metric of one step, the later file's counts.

    own: how the names of the method's own metrics begin.

    Later is what comes later by name, with numbers in the names taken as numbers. A last line that was cut, as a killed run
    leaves it, is passed over.

    Raises:
        ValueError: there is no such file, no step in them, or a line that is no step; the message names file and line.
    """
    files = sorted(folder.glob("metrics*.jsonl"), key=lambda path: [int(x) if x.isdigit() else x for x in _parts(path.name)])
    if not files:
        raise ValueError(
            f"{folder} has no metrics*.jsonl; is it a run's folder? A run writes them beside its "
            "checkpoints when `file` is in trainer.logger"
        )
    by_step: dict[int, dict[str, float]] = {}
    for file in files:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                entry = _parse(line, own)
                if entry is not None:
                    by_step.setdefault(entry[0], {}).update(entry[1])
                elif line.endswith(b"\n"):
                    raise ValueError(
                        f'{file}, line {number} is not a step of verl\'s file logger, {{"step": N, "data": {{...}}}}; '
                        "remove that line"
                    )
    if not by_step:
        raise ValueError(f"{files[-1]} has no finished step yet; wait for the first one")
    return Metrics(by_step)


def _parts(name: str) -> list[str]:
    return re.split(r"(\d+)", name)  # texts and numbers take turns, so that two names compare piece by piece


def _parse(line: bytes, own: tuple[str, ...]) -> tuple[int, dict[str, float]] | None:
    """Step and numbers of a line, None if it is no such line."""
    try:
        entry = json.loads(line)
        step, data = entry["step"], entry["data"].items()
        shown = ((name, x) for name, x in data if name.startswith(own) or _SHOWN.match(name))
        numbers = {name: float(x) for name, x in shown if type(x) in (int, float)}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        return None
    if type(step) is not int or not 0 <= step < 2**53:
        return None
    return step, {name: x for name, x in numbers.items() if math.isfinite(x)}
