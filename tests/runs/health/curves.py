"""Recorded curves of runs: `curves/<name>/metrics.jsonl`, which curves/README.md describes, and those of the miniature study.

python -m tests.runs.health.curves RUN NAME     # record a run: keeps what the signs read
"""

import json
import sys
from fnmatch import fnmatchcase
from pathlib import Path

from recipe.files.metrics import TIME, read_metrics
from tests import ROOT
from tests.runs.health.watching import ALL

HERE = Path(__file__).parent / "curves"
READ = {TIME, *(sign.metric for sign in ALL), *(sign.limit.other for sign in ALL)} - {""}


def recorded(name):
    """{step: metrics} of a recorded run."""
    return read_metrics(HERE / name)


def studied():
    """{arm/seed: {step: metrics}} of the miniature study's runs."""
    runs = {}
    for file in sorted((ROOT / "studies/miniature/results").glob("*/seed-*.json")):
        series = json.loads(file.read_text()).get("steps", {})
        length = max(map(len, series.values()), default=0)
        if length:
            numbers = {step: {name: values[step] for name, values in series.items()} for step in range(length)}
            runs[f"{file.parent.name}/{file.stem}"] = {step + 1: metrics for step, metrics in numbers.items()}
    return runs


def _is_read(key):
    return any(fnmatchcase(key, pattern) for pattern in READ)


def record(run, name):
    folder = HERE / name
    folder.mkdir(parents=True)
    with (folder / "metrics.jsonl").open("w") as file:
        for step, metrics in read_metrics(
            run, lambda key: any(fnmatchcase(key, pattern) for pattern in READ if pattern)
        ).items():
            shown = {key: float(f"{x:.4g}") if x == x else None for key, x in metrics.items()}
            file.write(json.dumps({"step": step, "data": shown}) + "\n")


if __name__ == "__main__":
    record(Path(sys.argv[1]), sys.argv[2])
