"""One attempt of a run that is held in a phase, hurt, and looked at when it has ended."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from recipe.runs.checkpoints import newest_complete
from recipe.runs.digests import damage
from tests import ROOT, processes

COMPARED = ("actor/pg_loss", "actor/grad_norm", "actor/entropy", "critic/score/mean")


class Attempt:
    """inputs: of the demo. folder: the run's; the attempt goes on from what is there."""

    def __init__(self, inputs: Path, folder: Path, last_step: int, *overrides: str):
        from recipe.adaptive_temperature.rollout_config import PROCESSOR

        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.disk, self.checkpoints = folder, folder / "run", folder / "run/checkpoints"
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        for name in ("fault.json", "reward_fault.json", "reached", "go"):
            (folder / name).unlink(missing_ok=True)
        self.environment = {"HTPO_TEST_RECORDS": str(folder)}
        number = len(list(folder.glob("log-*")))
        self.log = folder / f"log-{number:03d}.txt"
        self.command = [
            *(sys.executable, "-m", "recipe.hapo.main", "+platform=cpu", "+experiment=demo"),
            f"actor_rollout_ref.model.path={inputs}/model",
            f"data.train_files={inputs}/data/train.parquet",
            f"data.val_files={inputs}/data/val.parquet",
            f"reward.custom_reward_function.path={ROOT}/tests/faults/reward.py",
            f"trainer.default_local_dir={self.checkpoints}",
            f"trainer.rollout_data_dir={folder}/rollouts",
            f"hydra.run.dir={folder}/hydra",
            f"trainer.total_training_steps={last_step}",
            *("trainer.test_freq=-1", "trainer.val_before_train=False", "trainer.save_freq=2", "trainer.token_dump.every=1"),
            *("trainer.max_actor_ckpt_to_keep=3", "trainer.logger=[console,file]", "trainer.hang_timeout_s=60"),
            # Tokens by a seed of their own, one update a step so that the order of the rows decides nothing.
            *("data.train_batch_size=8", "actor_rollout_ref.actor.ppo_mini_batch_size=8"),
            f"+actor_rollout_ref.rollout.engine_kwargs.vllm.logits_processors=[{PROCESSOR},tests.recording:RequestRecorder]",
            "+actor_rollout_ref.rollout.agent.agent_loop_manager_class=tests.faults.inside.Manager",
            *overrides,
        ]

    def saved(self) -> int:
        """The step of the newest complete checkpoint, 0 before the first."""
        try:
            found, _ = newest_complete(str(self.checkpoints), damage)
        except ValueError:
            found = None
        return int(found.rpartition("_")[2]) if found else 0

    def start(self):
        self.files = set(self.disk.glob("metrics-*.jsonl"))
        self.process = processes.start(self.command, self.log, **self.environment)
        return self

    def steps(self) -> dict[int, dict]:
        """What this attempt has logged."""
        new = set(self.disk.glob("metrics-*.jsonl")) - self.files
        if not new:
            return {}
        lines = max(new).read_bytes().splitlines(keepends=True)
        entries = [json.loads(line) for line in lines if line.endswith(b"\n")]
        return {entry["step"]: entry["data"] for entry in entries if "timing_s/step" in entry["data"]}

    def wait(self, condition, seconds=600):
        """Until the condition holds; AssertionError if the run ends before, or does not come to it."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.last_line()}"
            assert time.monotonic() < deadline, f"not there after {seconds} s: {self.last_line()}"
            time.sleep(0.2)

    def hold(self, phase: str, step: int, **more) -> None:
        (self.folder / "fault.json").write_text(json.dumps({"phase": phase, "step": step, **more}))

    def reached(self) -> bool:
        return (self.folder / "reached").exists()

    def go(self) -> None:
        (self.folder / "go").touch()

    def send(self, number: int) -> None:
        """A signal to the driver, and wait until the run has been told."""
        self.process.send_signal(number)
        self.wait((self.checkpoints / "stop_requested").exists, 60)

    def victim(self, title: str) -> int:
        """The pid of the run's process whose command begins with, or has as its program, `title`."""
        for pid in processes.left_of(self.log):
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()
            if command.startswith(title) or command.rpartition("/")[2] == title:
                return pid
        raise AssertionError(f"no {title} among the processes")

    def signal(self, title: str, number: int) -> None:
        os.kill(self.victim(title), number)

    def fill(self, folder: Path) -> None:
        """Leave no room on the folder's disk."""
        with (folder / "filler").open("wb", buffering=0) as file:
            try:
                while file.write(b"x" * (1 << 20)):
                    pass
            except OSError:
                return

    def remount(self, options: str) -> None:
        """The checkpoints' disk."""
        subprocess.run(["mount", "-o", f"remount,{options}", self.checkpoints], check=True)

    def end(self, seconds: int = 500) -> tuple[int, str]:
        """Wait for the end; the exit status and the last line."""
        try:
            status = self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still there after {seconds} s: {self.last_line()}") from None
        processes.assert_nothing_left_of(self.log)
        return status, self.last_line()

    def last_line(self) -> str:
        lines = self.log.read_text(errors="replace").rstrip().splitlines()
        return re.sub(r"\x1b\[[0-9;]*m", "", lines[-1]) if lines else ""

    def abandon(self) -> None:
        """End what is left, by its pids."""
        for pid in processes.left_of(self.log):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def rollouts(self, step: int) -> list | None:
        """Prompts and responses of a step, in an order of their own; None if the file is not whole."""
        try:
            lines = (self.folder / f"rollouts/{step}.jsonl").read_text().splitlines()
            return sorted((row["input"], row["output"]) for row in map(json.loads, lines))
        except (OSError, ValueError):
            return None
