"""One short training run of the real stack on CPU, started with the README's command."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from launch.recipes import package_of
from tests import processes

DEMO = processes.ROOT / "launch/demo"
LAST_STEP = 4


class Run:
    """One training run in its own folder; `start` may be called again to resume it."""

    def __init__(self, inputs: Path, folder: Path, *overrides: str, recipe: str = "htpo"):
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.attempts = len(list(folder.glob("log-*")))
        self.command = [
            *(sys.executable, "-m", f"{package_of(recipe)}.main", "+platform=cpu", "+experiment=demo"),
            f"actor_rollout_ref.model.path={inputs}/model",
            f"data.train_files={inputs}/data/train.parquet",
            f"data.val_files={inputs}/data/val.parquet",
            f"reward.custom_reward_function.path={DEMO}/reward.py",
            f"trainer.default_local_dir={folder}/checkpoints",
            f"hydra.run.dir={folder}/hydra",
            f"trainer.total_training_steps={LAST_STEP}",
            "trainer.test_freq=-1",
            "trainer.val_before_train=False",
            "data.train_batch_size=8",
            "actor_rollout_ref.actor.ppo_mini_batch_size=4",
            *overrides,
        ]

    def start(self):
        self.attempts += 1
        self.metrics = self.folder / f"metrics-{self.attempts}.jsonl"
        self.log = self.folder / f"log-{self.attempts}.txt"
        self.process = processes.start(
            self.command,
            self.log,
            VERL_FILE_LOGGER_PATH=str(self.metrics),
            HTPO_TEST_RECORDS=str(self.folder),  # for tests/recording.py
        )
        return self

    def finish(self):
        try:
            status = self.process.wait(timeout=900)
        except subprocess.TimeoutExpired:
            end = self.log.read_text(errors="replace")[-6000:]
            self.kill()  # left alone, it would hold its memory beside the tests that follow
            raise AssertionError(f"not over after 900 s: {end}") from None
        assert status == 0, self.log.read_text(errors="replace")[-6000:]
        return self.steps()

    def steps(self):
        if not self.metrics.exists():
            return {}
        lines = self.metrics.read_text().splitlines()
        return {entry["step"]: entry["data"] for entry in map(json.loads, lines)}

    def wait_for_step(self, step):
        while step not in self.steps():
            assert self.process.poll() is None, self.log.read_text(errors="replace")[-6000:]
            time.sleep(0.2)

    def processes(self):
        """Pids of living processes that belong to this attempt."""
        return processes.left_of(self.log)

    def assert_nothing_left(self):
        processes.assert_nothing_left_of(self.log)

    def kill(self):
        """kill -9 of the driver, as the out-of-memory killer does it."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.assert_nothing_left()
