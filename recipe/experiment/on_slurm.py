"""Stages that need GPUs as arrays of Slurm jobs, a task for each seed, in which each evaluation depends on its training.

Slurm schedules, requeues and resumes them (launch/slurm/train.sbatch); this program sends what nobody has, and waits. It may be
ended and begun again meanwhile. What needs no GPU runs where this program does: before, the data; after, cards and the report.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from recipe.experiment.definition import Experiment
from recipe.experiment.kept import Records
from recipe.experiment.progress import table
from recipe.experiment.stages import DATA, ON_GPUS, TRAIN, Layout, Stage, evaluation, training

TASK = "${oc.env:SLURM_ARRAY_TASK_ID}"
POLL_S = 30.0
_ATTEMPTS = 10  # of a question to Slurm, before it counts as gone


@dataclass(frozen=True)
class Array:
    """Stages that are alike but for their seed. upstream: the array before, its number or a variable of bash."""

    stages: tuple[Stage, ...]
    upstream: str | None

    @property
    def variable(self) -> str:
        """A name for its number in bash."""
        first = self.stages[0]
        return re.sub(r"\W", "_", f"{first.kind}_{first.arm}_{first.shard}".rstrip("_"))


@dataclass(frozen=True)
class Slurm:
    """Sends arrays. project: where `launch` is."""

    experiment: Experiment
    layout: Layout
    project: Path
    preflight: bool = True

    def arrays(self, stages: Sequence[Stage], records: Records, sent: dict[str, str]) -> list[list[Stage]]:
        """Stages that are to be sent, by array.

        sent: array and task of each stage that Slurm has. Those whose trainings are in different arrays are in different ones.
        """
        groups: dict[tuple, list[Stage]] = {}
        for stage in stages:
            if stage.kind in ON_GPUS and stage.name not in sent and not records.is_done(stage):
                before = sent.get(stage.after[0], "").partition("_")[0] if stage.kind != TRAIN else ""
                waits = stage.kind != TRAIN and not all(records.is_done(s) for s in stages if s.name in stage.after)
                groups.setdefault((stage.kind, stage.arm, stage.shard, waits, before), []).append(stage)
        return list(groups.values())

    def command(self, array: Array) -> list[str]:
        """The command that sends it; it prints the array's number."""
        first = array.stages[0]
        arm = next(arm for arm in self.experiment.arms if arm.name == first.arm)
        if first.kind == TRAIN:
            arguments = training(self.experiment, self.layout, arm, TASK, number=f"'${{oc.decode:{TASK}}}'")
        else:
            arguments = evaluation(self.experiment, self.layout, arm.name, TASK, first.shard)
        part = first.name.removeprefix(f"{first.kind}-{first.arm}-{first.seed}")
        done = f"{self.layout.folder}/stages/{first.kind}-{first.arm}-%a{part}.done"
        variables = {"PROJECT_DIR": self.project, "RECIPE": first.recipe, "DONE_FILE": done}
        variables |= {} if self.preflight else {"PREFLIGHT": "false"}
        after = f"aftercorr:{array.upstream}" if array.upstream else None
        return [
            *("sbatch", "--parsable", f"--job-name={self.experiment.name}-{first.kind}-{first.arm}"),
            f"--array={','.join(str(stage.seed) for stage in array.stages)}",
            *((f"--dependency={after}", "--kill-on-invalid-dep=yes") if after else ()),
            f"--output={self.layout.folder}/logs/%x-%A_%a.log",
            f"--export=ALL,{','.join(f'{name}={value}' for name, value in variables.items())}",
            *self.experiment.slurm[first.kind],
            *(f"{self.project}/launch/slurm/train.sbatch", *arguments),
        ]

    def send(self, stages: Sequence[Stage], records: Records, sent: dict[str, str], say: Callable[[str], None]) -> None:
        """Send all that Slurm has not. ValueError if sbatch refuses."""
        (self.layout.folder / "logs").mkdir(parents=True, exist_ok=True)
        for group in self.arrays(stages, records, sent):
            array = Array(tuple(group), _upstream(group[0], sent))
            done = subprocess.run(self.command(array), capture_output=True, text=True)
            number = done.stdout.strip().partition(";")[0]
            if done.returncode or not number.isdecimal():
                raise ValueError(f"sbatch refuses {group[0].name}: {' '.join(done.stderr.split()) or 'without a word'}")
            for stage in group:
                sent[stage.name] = f"{number}_{stage.seed}"
                records.begin(stage, sent[stage.name])
            say(f"{array.variable.replace('_', ' ')}: array {number}, seeds {', '.join(str(stage.seed) for stage in group)}")

    def dry_run(self, stages: Sequence[Stage], records: Records) -> list[str]:
        """The commands as lines of bash, each array's number in a variable."""
        lines, variables = [], {}
        for group in self.arrays(stages, records, {}):
            first = group[0]
            before = variables.get(first.after[0]) if first.kind != TRAIN else None
            array = Array(tuple(group), f"${before}" if before else None)
            words = (f'"{word}"' if f"aftercorr:${before}" in word else shlex.quote(word) for word in self.command(array))
            lines.append(f"{array.variable}=$({' '.join(words)})")
            variables |= dict.fromkeys((stage.name for stage in group), array.variable)
        return lines

    def in_queue(self, stages: Sequence[Stage], records: Records) -> tuple[dict[str, str], dict[str, str]]:
        """Of the stages that Slurm has: array and task, and its word for their state."""
        states = _queue()
        jobs = {stage.name: kept.job for stage in stages if (kept := records.read(stage)) and kept.job in states}
        return jobs, {name: f"{states[job].lower()} as job {job}" for name, job in jobs.items()}

    def wait(self, stages: Sequence[Stage], records: Records, say: Callable[[str], None]) -> list[Stage]:
        """Until Slurm has none of them any more. Returns those that are not done then."""
        wanted, before = [stage for stage in stages if stage.kind in ON_GPUS], ""
        while True:
            queued, words = self.in_queue(wanted, records)
            missing = [stage for stage in wanted if not records.is_done(stage)]
            if (now := table(stages, records, words)) != before:
                say(before := now)
            if not missing:
                return []
            if not queued:
                time.sleep(POLL_S / 3)  # a file of another node may take a moment to be seen here
                if not self.in_queue(wanted, records)[0]:
                    return [stage for stage in wanted if not records.is_done(stage)]
            time.sleep(POLL_S)


def before_arrays(stages: Sequence[Stage]) -> list[Stage]:
    """What runs here, before."""
    return [stage for stage in stages if stage.kind == DATA]


def after_arrays(stages: Sequence[Stage]) -> list[Stage]:
    """What runs here, after."""
    return [stage for stage in stages if stage.kind not in (DATA, *ON_GPUS)]


def _upstream(stage: Stage, sent: dict[str, str]) -> str | None:
    """The array of the training before an evaluation, if Slurm has it."""
    return sent[stage.after[0]].partition("_")[0] if stage.kind != TRAIN and stage.after[0] in sent else None


def _queue() -> dict[str, str]:
    """The state of each of this user's jobs, by array and task. ValueError if Slurm does not say, after some minutes."""
    command = ["squeue", "--me", "--array", "--noheader", "--format=%i %T"]
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(POLL_S)
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode == 0:
            return dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if line.strip())
    raise ValueError(f"squeue fails ({' '.join(done.stderr.split())}); jobs go on, and the same command looks again")
