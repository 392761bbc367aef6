"""The warnings of a run, from the step in which a sign of sickness began to that in which it was over: `warnings.json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from recipe.files.bounded import read_bounded
from recipe.files.whole import written_whole

FILE = "warnings.json"


@dataclass
class Warned:
    """over: the step in which it was over; None if it was not. text: what was said when it began."""

    began: int
    text: str
    over: int | None = None


def write_warnings(folder: Path, warnings: Sequence[Warned]) -> None:
    """All of a run's, over its attempts, in the order in which they began. OSError if they cannot be written."""
    folder.mkdir(parents=True, exist_ok=True)
    with written_whole(folder / FILE) as new:
        new.write_text(json.dumps([asdict(one) for one in warnings], indent=1) + "\n", encoding="utf-8")


def read_warnings(folder: Path) -> list[Warned] | None:
    """None where a run wrote no such file. ValueError for a file that is something else."""
    file = folder / FILE
    if not file.is_file():
        return None
    try:
        found = [Warned(**one) for one in json.loads(read_bounded(file))]
    except (ValueError, TypeError, RecursionError):
        raise ValueError(f"{file} holds no list of warnings; restore it, or remove it") from None
    kinds = {(type(one.began), type(one.text), type(one.over)) for one in found}
    if not kinds <= {(int, str, int), (int, str, type(None))}:
        raise ValueError(f"{file} holds a warning without its step or text; restore it, or remove it")
    return found
