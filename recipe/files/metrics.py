"""The metrics of a run, over all of its attempts: from the files that verl's `file` logger wrote, one for each attempt.

One rule: a step belongs to the last attempt that reached it, and where an attempt began, what earlier ones had trained beyond
that has been thrown away.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from recipe.files.bounded import lines_bounded

TIME = "timing_s/step"  # what every trained step has, and a validation by itself has not
Steps = dict[int, dict[str, float]]


def metrics_files(folder: Path) -> list[Path]:
    """The files of a run's attempts in their order: by name, with numbers in the names taken as numbers."""
    files = (path for path in folder.glob("metrics*.jsonl") if path.is_file())
    return sorted(files, key=lambda path: [int(x) if x.isdigit() else x for x in _parts(path.name)])


def read_metrics(folder: Path, keep: Callable[[str], bool] = lambda name: True) -> Steps:
    """{step: {name: number}}, in the order of steps; NaN where a number was logged that is not finite. Empty without files.

    keep: which names are read. A last line that was cut, as a killed run leaves it, is passed over.

    Raises:
        ValueError: a line that is no step; the message names file and line.
    """
    steps: Steps = {}
    for file in metrics_files(folder):
        entries = _entries(file, keep)
        if not entries:
            continue
        first, _, first_trained = entries[0]
        # It begins with a step, or with a validation of the step that it resumed from.
        steps = {step: data for step, data in steps.items() if step < first or (step == first and not first_trained)}
        for step, data, trained in entries:
            steps[step] = data if trained else steps.get(step, {}) | data
    return dict(sorted(steps.items()))


def _parts(name: str) -> list[str]:
    return re.split(r"(\d+)", name)  # texts and numbers take turns, so that two names compare piece by piece


def _entries(file: Path, keep: Callable[[str], bool]) -> list[tuple[int, dict[str, float], bool]]:
    """Step, numbers, and whether the step was trained, of each line."""
    found = []
    for number, line in enumerate(lines_bounded(file), start=1):
        entry = _parse(line, keep)
        if entry is not None:
            found.append(entry)
        elif line.endswith(b"\n"):
            raise ValueError(
                f'{file}, line {number} is not a step of verl\'s file logger, {{"step": N, "data": {{...}}}}; remove that line'
            )
    return found


def _parse(line: bytes, keep: Callable[[str], bool]) -> tuple[int, dict[str, float], bool] | None:
    try:
        entry = json.loads(line)
        step, data = entry["step"], entry["data"]
        kept = {name: x for name, x in data.items() if keep(name) and (x is None or type(x) in (int, float))}
        # verl's logger writes null for NaN and the infinities.
        numbers = {name: _finite(x) for name, x in kept.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        return None
    if type(step) is not int or not 0 <= step < 2**53:
        return None
    return step, numbers, TIME in data


def _finite(x: float | None) -> float:
    return float("nan") if x is None or x - x != 0 else float(x)
