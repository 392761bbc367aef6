"""The measured numbers beside the published ones: REPORT/table.md and REPORT/table.csv.

A number is mean@k of one benchmark in percent, over its problems and all of their samples; `average` is the mean over the
benchmarks; with several seeds, their mean and standard deviation. Intervals over problems and tests are in report.md beside it.
"""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Sequence
from pathlib import Path

from recipe.experiment.costs import disk, gpu_hours
from recipe.experiment.definition import Arm, Experiment
from recipe.experiment.stages import Layout, Stage
from recipe.files.whole import written_whole
from recipe.rlvr_math.report.evaluations import load_run
from recipe.rlvr_math.report.statistics import mean_at_k
from recipe.rlvr_math.report.summary import AVERAGE
from recipe.rlvr_math.report.tables import table

Numbers = dict[str, dict[str, list[float]]]  # arm -> benchmark -> a number for each seed


def write_table(experiment: Experiment, layout: Layout, stages: Sequence[Stage]) -> list[Path]:
    """Write both files; returns their paths. ValueError if an evaluation is missing or unfinished."""
    numbers, samples = measured(experiment, layout)
    files = {"table.md": _markdown(experiment, numbers, samples, stages), "table.csv": _csv(experiment, numbers)}
    written = []
    for name, text in files.items():
        path = layout.folder / "report" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as new:
            new.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def measured(experiment: Experiment, layout: Layout) -> tuple[Numbers, set[int]]:
    """Numbers of all arms, and of how many samples of a problem they are."""
    numbers: Numbers = {}
    samples = set()
    for arm in experiment.arms:
        of_arm = numbers.setdefault(arm.name, {})
        for seed in experiment.seeds:
            run = load_run(Path(layout.run(arm.name, seed), "eval"), f"{arm.name}-{seed}")
            samples.add(run.settings["n"])
            found = {name: 100 * float(mean_at_k(b.n, b.correct).mean()) for name, b in run.benchmarks.items()}
            for name, value in (found | {AVERAGE: statistics.fmean(found.values())}).items():
                of_arm.setdefault(name, []).append(value)
    return numbers, samples


def _markdown(experiment: Experiment, numbers: Numbers, samples: set[int], stages: Sequence[Stage]) -> str:
    names = [*dict.fromkeys(name for of_arm in numbers.values() for name in of_arm if name != AVERAGE), AVERAGE]
    lines = [
        [arm.name, len(experiment.seeds), *(_cell(arm, numbers, name) for name in names), _gap(arm, numbers)]
        for arm in experiment.arms
    ]
    head = ["arm", "seeds", *names, "average - published"]
    of = " and ".join(map(str, sorted(samples)))
    parts = [
        f"# {experiment.name}",
        *([experiment.about] if experiment.about else []),
        table(head, lines, left=1),
        f"Percent, mean@{of}. In brackets: the published number, where there is one. After ±: standard deviation over seeds. "
        "Intervals over problems, comparisons and settings: [report.md](report.md).",
    ]
    if differences := [arm for arm in experiment.arms if arm.over]:
        rows = [[arm.name, arm.over, *(_difference(arm, numbers, name) for name in names)] for arm in differences]
        parts += ["## Differences", table(["arm", "over", *names], rows, left=2), "Points. In brackets: published."]
    if experiment.differs:
        parts += ["## What differs from the paper's set-up", "\n".join(f"- {sentence}" for sentence in experiment.differs)]
    costs = [disk(experiment), *gpu_hours(stages, experiment.steps)]
    parts += ["## What it took", "\n".join(f"- {sentence}" for sentence in costs)]
    return "\n\n".join(parts) + "\n"


def _cell(arm: Arm, numbers: Numbers, name: str) -> str:
    values = numbers[arm.name].get(name)
    if values is None:
        return ""
    spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
    published = "" if arm.over or name not in arm.published else f" ({arm.published[name]:.2f})"
    return f"{statistics.fmean(values):.2f}{spread}{published}"


def _gap(arm: Arm, numbers: Numbers) -> str:
    if arm.over or AVERAGE not in arm.published:
        return "not published"
    return f"{statistics.fmean(numbers[arm.name][AVERAGE]) - arm.published[AVERAGE]:+.2f}"


def _difference(arm: Arm, numbers: Numbers, name: str) -> str:
    ours, theirs = (numbers[one].get(name) for one in (arm.name, arm.over))
    if ours is None or theirs is None:
        return ""
    published = f" ({arm.published[name]:+.2f})" if name in arm.published else ""
    return f"{statistics.fmean(ours) - statistics.fmean(theirs):+.2f}{published}"


def _csv(experiment: Experiment, numbers: Numbers) -> str:
    """A line for each arm, seed and benchmark; `published` is empty where nothing was, or a difference was."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["arm", "seed", "benchmark", "measured", "published"])
    for arm in experiment.arms:
        for name, values in numbers[arm.name].items():
            published = "" if arm.over else arm.published.get(name, "")
            for seed, value in zip(experiment.seeds, values, strict=True):
                writer.writerow([arm.name, seed, name, f"{value:.10g}", published])
    return text.getvalue()
