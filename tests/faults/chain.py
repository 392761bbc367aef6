"""Attempt after attempt in one folder, each with the fault of a cell, each compared with a run that nobody disturbed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from tests.faults.attempts import COMPARED, Attempt
from tests.faults.cells import Cell

FIRST, LAST = 2, 24  # a chain begins at the unbroken run's checkpoint of step FIRST, and ends before its step LAST


@dataclass
class Outcome:
    """What was seen of a cell.

    seconds: from the harm to the end. lost: finished steps that had to be trained again. resumed: the step with which the next
    attempt went on, as the unbroken run; None until it has. fault: what was not as it has to be; empty if nothing was.
    """

    cell: str
    seconds: float = 0.0
    status: int | None = None
    last: str = ""
    lost: int | None = None
    resumed: int | None = None
    fault: str = ""


def unbroken(inputs: Path, folder: Path, last_step: int = LAST) -> None:
    """Make the run that is compared with, unless it is there."""
    if (folder / "steps.json").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    run = Attempt(inputs, folder, last_step, f"trainer.save_freq={FIRST}", "trainer.max_actor_ckpt_to_keep=null").start()
    try:
        status, last = run.end(1800)
        assert status == 0, f"the unbroken run ended with {status}: {last}"
    finally:
        run.abandon()
    steps = {step: {name: data[name] for name in COMPARED} for step, data in run.steps().items()}
    (folder / "steps.json").write_text(json.dumps(steps))


class Chain:
    """reference: the folder of the unbroken run. folder: of the run that is hurt."""

    def __init__(self, inputs: Path, reference: Path, folder: Path, last_step: int = LAST):
        self.inputs, self.reference, self.folder, self.last_step = inputs, reference, folder, last_step
        self.disk, self.checkpoints = folder / "run", folder / "run/checkpoints"
        self.expected = {int(k): v for k, v in json.loads((reference / "steps.json").read_text()).items()}

    def begin(self, mount: bool = True) -> str:
        """A new folder with the unbroken run's first checkpoint; why the run has no file system of its own."""
        self.leave()
        shutil.rmtree(self.folder, ignore_errors=True)
        obstacle = "" if mount else "not asked for"
        for folder in (self.disk, self.checkpoints):
            folder.mkdir(parents=True)
            if not obstacle:
                command = ["mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", folder]
                obstacle = subprocess.run(command, capture_output=True, text=True).stderr.strip()
        name = f"global_step_{FIRST}"
        shutil.copytree(self.reference / "run/checkpoints" / name, self.checkpoints / name)
        (self.checkpoints / "latest_checkpointed_iteration.txt").write_text(str(FIRST))
        return obstacle

    def saved(self) -> int:
        return Attempt(self.inputs, self.folder, self.last_step).saved()

    def without_paths(self, text: str) -> str:
        """A text in which the run's folder, which is another one on each machine, is `...`."""
        return text.replace(f"{self.disk}/", ".../").replace(f"{self.folder}/", ".../")

    def leave(self) -> None:
        for folder in (self.checkpoints, self.disk):
            while folder.is_mount():  # lazily: a killed process may still be there
                subprocess.run(["umount", "--lazy", folder], check=True)

    def attempt(self, cell: Cell | None) -> tuple[Outcome | None, int | None, str]:
        """One attempt. Returns the cell's outcome, and of the attempt before it: the step that this one went on with, and what
        was not as in the unbroken run. Without a cell it trains two steps and ends."""
        begins = self.saved() + 1
        step = begins + 1
        if cell and cell.phase == "save":
            step += step % 2
        last = self.last_step if cell and cell.phase != "the end" else step
        overrides = cell.overrides if cell else ()
        run = Attempt(self.inputs, self.folder, last, *overrides)
        if cell and cell.phase:
            run.hold(cell.phase, step, **cell.more)
        try:
            if cell:
                cell.before(run)
            run.start()
            outcome = self._hurt(run, cell, begins) if cell else None
            if not cell:
                status, line = run.end()
                assert status == 0, f"the last attempt ended with {status}: {line}"
            found = run.steps()
            differs = self._differences(run, found)
            resumed = min(found, default=None)
            if resumed != begins and (resumed is not None or not cell or cell.column != "start-up"):
                differs = f"went on with step {resumed} after a checkpoint of step {begins - 1}"
            if outcome:
                outcome.lost = max(max(found, default=begins - 1) - run.saved(), 0)  # one may be saved and not logged yet
                if not outcome.fault and outcome.lost > cell.loses:
                    outcome.fault = f"{outcome.lost} finished steps are lost"
                if not outcome.fault:
                    outcome.fault = differs
            return outcome, resumed, differs
        finally:
            run.abandon()

    def _hurt(self, run: Attempt, cell: Cell, begins: int) -> Outcome:
        outcome = Outcome(cell.name)
        try:
            if cell.column != "start-up":
                run.wait(lambda: begins in run.steps())
            if cell.phase:
                run.wait(run.reached)
            if cell.reward:  # with a phase, update: the step's responses have their scores, all of the next one's are hurt
                (run.folder / "reward_fault.json").write_text(json.dumps(cell.reward))
                if cell.reward["kind"] == "hold":
                    run.wait(run.reached)
            harmed = time.monotonic()
            cell.act(run)
            run.go()
            outcome.status, outcome.last = run.end()
            outcome.seconds = round(time.monotonic() - harmed, 1)
            log = run.log.read_text(errors="replace")
            if outcome.status not in cell.status:
                outcome.fault = f"ended with status {outcome.status}"
            elif not re.fullmatch(cell.last, outcome.last):
                outcome.fault = "has another last line"
            elif cell.seen not in log:
                outcome.fault = f"does not say {cell.seen!r}"
        except (AssertionError, subprocess.SubprocessError) as error:
            outcome.fault = str(error).splitlines()[0]
        finally:
            run.abandon()
            cell.after(run)
        return outcome

    def _differences(self, run: Attempt, found: dict[int, dict]) -> str:
        """What the attempt's steps have other than the unbroken run's; empty if nothing."""
        reference = Attempt.__new__(Attempt)
        reference.folder = self.reference
        for step, data in found.items():
            if step not in self.expected:
                return f"step {step} is beyond the unbroken run"
            for name in COMPARED:
                # Rows come in the order of completion, and a loss is a sum of advantages of both signs in float32.
                if data[name] != pytest.approx(self.expected[step][name], rel=1e-4, abs=1e-6):
                    return f"step {step}: {name} is {data[name]}, not {self.expected[step][name]}"
            ours, expected = run.rollouts(step), reference.rollouts(step)
            if ours and len(ours) == len(expected) and ours != expected:
                return f"step {step}: other responses"
        return ""


def as_line(outcome: Outcome, **more) -> str:
    return json.dumps(asdict(outcome) | more)
