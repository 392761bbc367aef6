"""One run that is stopped, killed, stuck and without disk, and each time started again by the same command: how each end reads,
and where it goes on. The tests are the run's attempts, in this order; each goes on from whatever checkpoint is there."""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from recipe.runs.checkpoints import newest_complete
from tests.training import Run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

RESUMES = "; the same command resumes from "


class EventfulRun:
    """A run, and the file system that its checkpoints are on."""

    def __init__(self, inputs, folder, disk):
        self.inputs, self.folder, self.disk = inputs, folder, disk
        self.checkpoints = disk / "checkpoints"

    def saved(self):
        """The step of the newest complete checkpoint, 0 before the first."""
        folder, _ = newest_complete(str(self.checkpoints))
        return int(folder.rpartition("_")[2]) if folder else 0

    def start(self, *overrides):
        """The next attempt, when it has finished a step: the one after the newest checkpoint."""
        resumed_from = self.saved()
        run = Run(
            self.inputs,
            self.folder,
            f"trainer.default_local_dir={self.checkpoints}",
            "trainer.save_freq=1",
            "trainer.max_actor_ckpt_to_keep=99",
            "trainer.total_training_steps=99",
            *overrides,
        ).start()
        run.wait_for_step(resumed_from + 1)
        assert min(run.steps()) == resumed_from + 1
        return run

    def check_end(self, run, status, sentence):
        """The attempt has ended with this status and last line, and left no process."""
        assert run.process.wait(timeout=400) == status, run.log.read_text(errors="replace")[-6000:]
        last = run.log.read_text(errors="replace").rstrip().splitlines()[-1]
        assert re.fullmatch(sentence, last), last
        run.assert_nothing_left()


@pytest.fixture(scope="module")
def eventful(demo_inputs, tmp_path_factory):
    """The run; its checkpoints are on a file system of their own if this user may mount one."""
    folder = tmp_path_factory.mktemp("eventful")
    disk = folder / "disk"
    disk.mkdir()
    attempt = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", disk], capture_output=True, text=True)
    run = EventfulRun(demo_inputs, folder / "run", disk)
    run.obstacle = attempt.stderr.strip()
    yield run
    if not run.obstacle:
        subprocess.run(["umount", disk], check=True)


def test_a_full_disk_is_named_and_the_checkpoint_before_is_resumed_from(eventful):
    if eventful.obstacle:
        pytest.skip(f"cannot mount: {eventful.obstacle}")

    def resize(size):
        subprocess.run(["mount", "-o", f"remount,size={size}", eventful.disk], check=True)

    used = shutil.disk_usage(eventful.disk).used
    resize(used + (6 << 20))  # room for one checkpoint of the demo
    run = eventful.start()
    step = eventful.saved()
    eventful.check_end(run, 1, rf"error: a disk is full \(.*\); .*{RESUMES}.*/checkpoints/global_step_{step}")
    resize("1g")


def test_a_signal_saves(eventful):
    run = eventful.start("trainer.save_freq=100")
    run.process.send_signal(signal.SIGTERM)
    eventful.check_end(run, 85, rf"stopped as asked, with a checkpoint of step \d+ in {eventful.checkpoints}{RESUMES}it")
    step = max(run.steps())
    assert eventful.saved() == step
    assert f"with a checkpoint of step {step} in" in run.log.read_text(errors="replace")
    assert not (eventful.checkpoints / "stop_requested").exists()


def send(run, victim, number):
    """Send a signal to the process of the run whose title begins with `victim`."""
    for pid in run.processes():
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()
        if command.startswith(victim):
            return os.kill(pid, number)
    raise AssertionError(f"no {victim} among the processes")


def check_ended_by_itself(eventful, run, sentence):
    eventful.check_end(run, 1, rf"error: {sentence}{RESUMES}.*/checkpoints/global_step_\d+")
    assert run.log.read_text(errors="replace").rstrip().endswith(f"global_step_{eventful.saved()}")


def test_a_truncated_checkpoint_is_passed_over_and_a_dead_rank_ends_the_run(eventful):
    """Of the next checkpoint a shard lost its end after it was written. The attempt goes on from the one before."""
    step = eventful.saved()
    if not step:
        pytest.fail("no attempt before this test has saved a checkpoint")
    newest = shutil.copytree(eventful.checkpoints / f"global_step_{step}", eventful.checkpoints / f"global_step_{step + 1}")
    (eventful.checkpoints / "latest_checkpointed_iteration.txt").write_text(str(step + 1))
    shard = next((newest / "actor").glob("model_*"))
    whole = shard.stat().st_size
    shard.write_bytes(shard.read_bytes()[:-1])

    run = eventful.start()
    log = run.log.read_text(errors="replace")
    assert f"bytes of actor/{shard.name}; " in log
    assert f"global_step_{step}, setting global step to {step}" in log
    assert shard.stat().st_size == whole  # saved anew

    send(run, "ray::WorkerDict", signal.SIGKILL)
    check_ended_by_itself(eventful, run, r"ActorDiedError: .*")


# What verl makes of an engine that is gone depends on what it does with it at that moment: it is told, or it takes all prompts
# for failed, or it waits, which the watchdog ends.
GONE_ENGINE = (
    r"EngineDeadError: .+",
    r"RuntimeError: Sync replay buffer selected terminal groups with no materializable trajectories.+",
    r"no progress for \d+ s in step \d+: .+",
)


@pytest.mark.parametrize(
    ("victim", "number", "sentence"),
    [
        ("VLLM::EngineCore", signal.SIGKILL, f"({'|'.join(GONE_ENGINE)})"),
        ("ray::WorkerDict", signal.SIGSTOP, r"no progress for \d+ s in step \d+: rank 0 \(pid \d+ on [\d.]+\) is stopped.*"),
    ],
    ids=["no engine", "stopped rank"],
)
def test_a_process_that_is_gone_or_hangs_ends_the_run(eventful, victim, number, sentence):
    run = eventful.start("trainer.hang_timeout_s=60")
    send(run, victim, number)
    check_ended_by_itself(eventful, run, sentence)
