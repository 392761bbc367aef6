"""What an experiment takes: disk by its file, GPU-hours from the steps that were timed; no number where none was measured."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recipe.experiment.definition import Experiment
from recipe.experiment.stages import TRAIN, Stage
from recipe.files.metrics import TIME, read_metrics
from recipe.files.plain_yaml import read_plain

NOT_KNOWN = "not known"
_MERGED = 6  # a checkpoint has 12 bytes a parameter (fp32 weights and moments), what is merged for an evaluation 2


def disk(experiment: Experiment) -> str:
    """At most at a time, of all runs: checkpoints that stay, one that is being written, one that is merged."""
    if experiment.disk is None:
        return f"disk: {NOT_KNOWN}; the preflight computes it of each run"
    each, kept, runs = experiment.disk.checkpoint_gb, experiment.disk.kept, len(experiment.arms) * len(experiment.seeds)
    merged = each / _MERGED
    of_run = each * (kept + 1) + merged
    return (
        f"disk: {each:g} GB a checkpoint, {kept} kept and one being written, and {merged:.0f} GB of the last one merged: "
        f"{of_run:,.0f} GB a run, {of_run * runs:,.0f} GB for {runs} runs"
    )


def gpu_hours(stages: Sequence[Stage], steps: int | None) -> list[str]:
    """A line for each arm. steps: of a run, to tell what all of its seeds will take."""
    arms: dict[str, list[Stage]] = {}
    for stage in stages:
        if stage.kind == TRAIN:
            arms.setdefault(stage.arm, []).append(stage)
    return [f"GPU-hours of {arm}: {_of_arm(runs, steps)}" for arm, runs in arms.items()]


def _of_arm(runs: Sequence[Stage], steps: int | None) -> str:
    seconds, sizes = [], set()
    for run in runs:
        timed = [data[TIME] for data in read_metrics(run.product.parent, lambda name: name == TIME).values() if TIME in data]
        if timed:
            seconds += timed
            sizes.add(_gpus(run.product.parent))
    if not seconds:
        return f"{NOT_KNOWN}, no step was timed"
    step = statistics.median(seconds)
    timed = f"{len(seconds)} steps timed, median {step:.1f} s"
    if len(sizes) > 1 or not all(sizes):
        return f"{NOT_KNOWN} ({timed}, on a CPU or on unlike numbers of GPUs)"
    (gpus,) = sizes
    used = f"{sum(seconds) * gpus / 3600:.2f} so far ({timed} on {gpus} GPUs)"
    return used if steps is None else f"{used}, {step * gpus * steps * len(runs) / 3600:.2f} for {len(runs)} x {steps} steps"


def _gpus(folder: Path) -> int | None:
    """Of a run, from the config that Hydra has kept; None without one, or without a GPU."""
    try:
        trainer: Any = read_plain(folder / "hydra/.hydra/config.yaml")["trainer"]
        return None if trainer.get("device") == "cpu" else int(trainer["nnodes"]) * int(trainer["n_gpus_per_node"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
