"""The stages one after the other: on this machine, or those that need GPUs as jobs of a Ray cluster, by launch/submit.sh.

The first that does not end well ends all; the same command goes on there. Asked to end by Ctrl-C or SIGTERM, this program asks
the stage to save and end, and ends with its status. A job of a Ray cluster is left running, and followed by the same command.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from recipe.experiment.kept import Records
from recipe.experiment.progress import how_far
from recipe.experiment.stages import ON_GPUS, TRAIN, Layout, Stage
from recipe.runs.child import asking, die_with_parent, kill
from recipe.text.visible import in_log

POLL_S = 0.5
_LAST_LINES = 15


@dataclass(frozen=True)
class Here:
    """Everything is a process of this machine."""

    preflight: bool = True

    def job_of(self, stage: Stage, attempt: int) -> str | None:
        """It has none."""
        return None

    def commands(self, stage: Stage, job: str | None) -> list[list[str]]:
        """What is run for a stage, each after the one before has ended well."""
        first = ["preflight"] if self.preflight and stage.kind == TRAIN and _has_preflight(stage.module) else []
        modules = [f"{stage.module}.{step}" for step in (*first, "main")] if stage.kind in ON_GPUS else [stage.module]
        return [[sys.executable, "-m", module, *stage.arguments] for module in modules]

    def again(self, job: str) -> list[str] | None:
        """How a job of an earlier start is followed; there is none."""
        return None


@dataclass(frozen=True)
class Ray:
    """What needs GPUs is a job of the cluster. options: of launch/submit.sh. launcher: that script."""

    name: str
    launcher: Path
    options: tuple[str, ...] = ()

    def job_of(self, stage: Stage, attempt: int) -> str | None:
        """A new job's id: Ray takes each only once."""
        return f"{self.name}-{stage.name}-{attempt}" if stage.kind in ON_GPUS else None

    def commands(self, stage: Stage, job: str | None) -> list[list[str]]:
        """What is run for a stage."""
        if stage.kind not in ON_GPUS:
            return Here().commands(stage, None)
        options = ["--recipe", stage.recipe, *([] if job is None else ["--submission-id", job]), "--on-interrupt", "leave"]
        return [["bash", str(self.launcher), *self.options, *options, "--", *stage.arguments]]

    def again(self, job: str) -> list[str] | None:
        """How a job of an earlier start is followed."""
        addresses = [option for option in self.options if option != "--no-preflight"]
        return ["bash", str(self.launcher), *addresses, "--on-interrupt", "leave", "--follow", job]


def run_in_turn(
    stages: Sequence[Stage], records: Records, layout: Layout, backend: Here | Ray, say: Callable[[str], None]
) -> int:
    """Run what is not done. Returns 0, or the exit status of the stage that has not ended well."""
    for number, stage in enumerate(stages, start=1):
        if records.is_done(stage):
            continue
        label, begun = f"[{number}/{len(stages)}] {stage.name}", time.monotonic()
        log = layout.folder / "logs" / f"{stage.name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        say(f"{label} begins; its output: {log}")
        status = _run(stage, records, layout, backend, log)
        if status:
            say(f"{label} has ended with status {status}; the end of {log}:\n{_last_lines(log)}")
            say(f"error: {stage.name} has not ended well (status {status}); the same command goes on from there")
            return status
        if not stage.product.exists():
            say(f"error: {stage.name} has ended well, but {stage.product} is not there; see {log}")
            return 1
        records.end(stage)
        say(f"{label} is done, after {time.monotonic() - begun:.0f} s here")
    return 0


def _run(stage: Stage, records: Records, layout: Layout, backend: Here | Ray, log: Path) -> int:
    """The stage's commands; a job of a cluster that an earlier start has sent comes first."""
    kept = records.read(stage)
    attempt = 1
    if kept is not None and kept.job is not None:
        attempt = int(kept.job.rpartition("-")[2]) + 1
        if (command := backend.again(kept.job)) and _one(command, stage, log) == 0:
            return 0
    job = backend.job_of(stage, attempt)
    records.begin(stage, job)
    for command in backend.commands(stage, job):
        if status := _one(command, stage, log):
            return status
    return 0


def _one(command: list[str], stage: Stage, log: Path) -> int:
    """One process to its end, with its output in the log; 128 + n if signal n ended it."""
    with log.open("a") as output:
        output.write(f"\n$ {' '.join(command)}\n")
        output.flush()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        shown = ""
        try:
            with asking(process):
                while process.poll() is None:
                    time.sleep(POLL_S)
                    if sys.stderr.isatty() and (far := how_far(stage)) != shown:
                        shown = far
                        print(f"\r\033[K  {shown}", end="", file=sys.stderr, flush=True)
        except BaseException:
            kill(process)
            process.wait()
            raise
        if shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


def _last_lines(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-_LAST_LINES:]
    return in_log("\n".join(f"  {line}" for line in lines))


def _has_preflight(package: str) -> bool:
    """Whether there is one, without an import of what is heavy."""
    places = (Path(place, *package.split("."), "preflight.py") for place in map(_or_here, sys.path))
    return any(file.is_file() for file in places)


def _or_here(place: str) -> str:
    return place or os.getcwd()
