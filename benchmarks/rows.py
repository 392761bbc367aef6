"""What benchmarks measured, as rows: a name, a value, its unit, and what it has to be at most.

A benchmark calls `measured`, which prints a line. `python -m benchmarks` sets ROWS to a file that the rows are added to.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

ROWS = "BENCHMARK_ROWS"
WORSE = 1.15  # times the committed value


@dataclass(frozen=True)
class Row:
    """value: in `unit`, "x" for a ratio of two things measured side by side. goal: it should be at most this."""

    name: str
    value: float
    unit: str
    goal: float | None = None


def measured(name: str, value: float, unit: str, goal: float | None = None) -> None:
    """Print a row, and keep it if asked to."""
    print(f"{name:76}{value:10.3g} {unit}{'' if goal is None else f'   (goal {goal:g})'}", flush=True)
    if path := os.environ.get(ROWS):
        with open(path, "a") as file:
            file.write(json.dumps(asdict(Row(name, float(value), unit, goal))) + "\n")


def read_rows(path: Path) -> list[Row]:
    """The rows that were kept, none if there is no file."""
    return [Row(**json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []


def table(rows: Iterable[Row], before: dict[str, Row], same_machine: bool) -> str:
    """Markdown. Marked: what is over its goal, and what is worse than before; seconds only compare on the same machine."""
    lines = ["| measured | value | goal | committed | |", "|---|---|---|---|---|"]
    for row in rows:
        old = before.get(row.name)
        comparable = old is not None and old.unit == row.unit and (same_machine or row.unit == "x")
        marks = ["over its goal"] if row.goal is not None and row.value > row.goal else []
        if comparable and row.value > WORSE * old.value:
            marks.append(f"{row.value / old.value - 1:.0%} worse")
        cells = (row.name, _as_text(row.value, row.unit), _as_text(row.goal), _as_text(old and old.value), ", ".join(marks))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _as_text(value: float | None, unit: str = "") -> str:
    return "" if value is None else f"{value:.3g} {unit}".strip()
