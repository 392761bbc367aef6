"""An interrupted training run: whether it can go on, and whether all of its steps are known."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

from recipe.files.metrics import read_metrics
from recipe.runs.checkpoints import newest_complete


def prepare(run_dir: Path, made_by: dict) -> int:
    """Make a run's folder ready to be trained in. Returns the step from which training goes on, 0 for a new run.

    A run that cannot go on is set aside: no checkpoint is complete, or it was killed between the last checkpoint and the
    metrics of that step. made_by: settings, inputs and versions, written down when a run begins.

    ValueError if the run was begun with another `made_by`: a result must not mix two.
    """
    note, step = run_dir / "made_by.json", 0
    if note.exists():
        if json.loads(note.read_text()) != made_by:
            raise ValueError(f"{run_dir} was begun with other settings, inputs or versions than now (see {note}); remove it")
        try:
            checkpoint, _ = newest_complete(str(run_dir / "checkpoints"))
            step = int(checkpoint.rpartition("_")[2]) if checkpoint else 0
            whole_metrics(run_dir, step)
        except ValueError as problem:
            aside = next(
                path for i in itertools.count() if not (path := run_dir.with_name(f"{run_dir.name}.aside-{i}")).exists()
            )
            print(f"{problem}: trained anew; what was there is in {aside}", flush=True)
            run_dir.rename(aside)
            step = 0
    elif run_dir.exists() and any(run_dir.iterdir()):
        raise ValueError(f"{run_dir} does not say what it was begun with (made_by.json is missing); remove it")
    run_dir.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(made_by))
    return step


def whole_metrics(run_dir: Path, steps: int) -> dict[int, dict]:
    """The metrics of steps 1 to `steps`. ValueError if one is missing."""
    metrics = read_metrics(run_dir)
    trained = {step for step in metrics if "critic/score/mean" in metrics[step]}
    if missing := set(range(1, steps + 1)) - trained:
        raise ValueError(f"{run_dir} has no metrics of step {min(missing)}")
    return {step: metrics[step] for step in range(1, steps + 1)}
