"""How far an experiment is: of each stage whether it is done, and of what runs, its step or its number of answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from recipe.experiment.kept import Records
from recipe.experiment.stages import EVALUATE, TRAIN, Stage
from recipe.files.metrics import TIME, read_metrics


def how_far(stage: Stage) -> str:
    """Of a stage that runs, as far as its files say; empty if they say nothing."""
    try:
        if stage.kind == TRAIN:
            steps = read_metrics(stage.product.parent, lambda name: name == TIME)
            return f"step {max(steps)}" if steps else ""
        if stage.kind == EVALUATE:
            lines = sum(_lines(file) for file in stage.product.parent.glob("*.jsonl"))
            return f"{lines:,} answers" if lines else ""
    except (OSError, ValueError):  # it is being written
        return ""
    return ""


def _lines(file: Path) -> int:
    with file.open("rb") as content:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: content.read(1 << 20), b""))


def table(stages: Sequence[Stage], records: Records, queued: Mapping[str, str] | None = None) -> str:
    """A line for each arm and seed, and one for what is before and after all of them.

    queued: what a cluster says of a stage that it has.
    """
    states = {stage.name: _state(stage, records, queued or {}) for stage in stages}
    rows: dict[tuple[str, int], list[str]] = {}
    for stage in stages:
        if stage.arm:
            part = f" {stage.shard}" if stage.shard else ""
            rows.setdefault((stage.arm, stage.seed), []).append(f"{stage.kind}{part}: {states[stage.name]}")
    width = max((len(f"{arm}, seed {seed}") for arm, seed in rows), default=0)
    first = [f"{stage.name}: {states[stage.name]}" for stage in stages if stage.kind == "data"]
    lines = [*first, *(f"{f'{arm}, seed {seed}':{width}}  {'   '.join(cells)}" for (arm, seed), cells in rows.items())]
    lines.append(f"report: {states['report']}")
    done = sum(state == "done" for state in states.values())
    return "\n".join([*lines, f"{done} of {len(stages)} stages are done"])


def _state(stage: Stage, records: Records, queued: Mapping[str, str]) -> str:
    if records.is_done(stage):
        return "done"
    if stage.name in queued:
        return queued[stage.name]
    if records.read(stage) is None:
        return "missing"
    return f"begun{f', {far}' if (far := how_far(stage)) else ''}"
