"""`python -m studies.binding.runs`: twenty steps of the lab for each setting; each seed's steps go to shares.csv, run by run.

A run that the file has already is left out, so that a stopped study goes on.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from recipe.files.metrics import read_metrics
from recipe.lab.__main__ import composed, run

FILE = Path(__file__).parent / "shares.csv"
STEPS, SEEDS = 20, 4
BASE = ("task=countdown", f"steps={STEPS}", f"seeds={SEEDS}", "validation={every: 20, problems: 4, samples: 1, final: 2}")
METRICS = (
    "htpo/active_share",
    "hapo/active_share",
    "hapo/adaptive_clip/active_share",
    "hapo/adaptive_advantage/active_share",
    "actor/pg_clipfrac",
    "actor/entropy",
    "critic/score/mean",
    "response_length/mean",
)
SETTING = {"method": "htpo", "updates": 4, "lr": 1e-3, "staleness": 0, "numbers": "3-4"}


def settings() -> Iterator[dict]:
    """Each setting once: updates by learning rate, and one by one what else may matter."""
    for lr in (1e-3, 3e-4, 3e-3):
        yield from (SETTING | {"updates": updates, "lr": lr} for updates in (1, 4, 16))
    yield from (SETTING | {"method": "hapo", "updates": updates} for updates in (1, 4, 16))
    yield from (SETTING | {"numbers": numbers} for numbers in ("3-3", "4-4"))
    yield from (SETTING | {"staleness": steps} for steps in (1, 4))


def overrides(setting: dict) -> list[str]:
    """The lab's, of a setting."""
    least, most = setting["numbers"].split("-")
    given = [f"{key}={setting[key]}" for key in ("method", "updates", "lr", "staleness")]
    return [*BASE, *given, f"task.numbers_min={least}", f"task.numbers_max={most}"]


def main() -> None:
    """Make the runs that are missing."""
    torch.set_num_threads(1)
    known = set()
    if FILE.exists():
        with FILE.open() as lines:
            known = {tuple(row[key] for key in SETTING) for row in csv.DictReader(lines)}
    else:
        with FILE.open("w") as lines:
            csv.writer(lines).writerow([*SETTING, "seed", "step", *METRICS])
    with tempfile.TemporaryDirectory() as folder:
        for setting in settings():
            if tuple(map(str, setting.values())) in known:
                continue
            given = [*overrides(setting), f"folder={folder}/run"]
            run(composed(given), given, say=lambda line: None)
            with FILE.open("a") as lines:
                csv.writer(lines).writerows(_rows(setting, Path(folder) / "run"))
            print(", ".join(f"{key}={value}" for key, value in setting.items()), flush=True)


def _rows(setting: dict, folder: Path) -> Iterator[list]:
    for seed in range(SEEDS):
        for step, data in read_metrics(folder / f"seed-{seed}").items():
            if step:
                numbers = (data.get(name) for name in METRICS)
                yield [*setting.values(), seed, step, *("" if x is None else f"{x:.6g}" for x in numbers)]


if __name__ == "__main__":
    main()
