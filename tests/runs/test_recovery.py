"""Real runs that are stopped, killed or stuck: how each ends, and where it resumes."""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.training import Run


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_signal_saves_and_a_truncated_checkpoint_is_passed_over(demo_inputs, tmp_path):
    def run(last_step):
        overrides = ("trainer.save_freq=100", "trainer.max_actor_ckpt_to_keep=5", f"trainer.total_training_steps={last_step}")
        return Run(demo_inputs, tmp_path / "run", *overrides).start()

    stopped = run(50)
    stopped.wait_for_step(1)
    stopped.process.send_signal(signal.SIGTERM)
    assert stopped.process.wait(timeout=300) == 85, stopped.log.read_text(errors="replace")[-6000:]
    step = max(stopped.steps())
    log = stopped.log.read_text(errors="replace").rstrip().splitlines()
    assert log[-1].startswith(f"stopped as asked, with a checkpoint of step {step} in ")
    assert not (tmp_path / "run/checkpoints/stop_requested").exists()
    stopped.assert_nothing_left()

    # The next checkpoint, of which a shard lost its end after it was written.
    checkpoints = tmp_path / "run/checkpoints"
    newest = shutil.copytree(checkpoints / f"global_step_{step}", checkpoints / f"global_step_{step + 1}")
    (checkpoints / "latest_checkpointed_iteration.txt").write_text(str(step + 1))
    shard = next((newest / "actor").glob("model_*"))
    whole = shard.stat().st_size
    shard.write_bytes(shard.read_bytes()[:-1])

    resumed = run(step + 1)
    assert sorted(resumed.finish()) == [step + 1]
    log = resumed.log.read_text(errors="replace")
    assert f"bytes of actor/{shard.name}; " in log
    assert f"global_step_{step}, setting global step to {step}" in log
    assert shard.stat().st_size == whole  # saved anew


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("victim", "number", "sentence"),
    [
        ("ray::WorkerDict", signal.SIGKILL, ""),
        # whether verl notices depends on what it does with the engine at that moment
        ("VLLM::EngineCore", signal.SIGKILL, ""),
        ("ray::WorkerDict", signal.SIGSTOP, r"no progress for \d+ s in step \d+: rank 0 \(pid \d+ on [\d.]+\) is stopped"),
    ],
)
def test_a_process_that_is_gone_or_hangs_ends_the_run(demo_inputs, tmp_path, victim, number, sentence):
    overrides = ("trainer.save_freq=1", "trainer.total_training_steps=50", "trainer.hang_timeout_s=60")
    run = Run(demo_inputs, tmp_path / "run", *overrides).start()
    run.wait_for_step(2)
    for pid in run.processes():
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()
        if command.startswith(victim):
            os.kill(pid, number)
            break
    else:
        raise AssertionError(f"no {victim} among the processes")
    assert run.process.wait(timeout=400) == 1
    last = run.log.read_text(errors="replace").rstrip().splitlines()[-1]
    assert re.match(f"error: .*{sentence}.*; the same command resumes from .*/global_step_", last), last
    run.assert_nothing_left()


@pytest.fixture
def small_disk(tmp_path):
    """A file system with room for one checkpoint of the demo, and a function that gives it a new size."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options):
        return subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True)

    if (attempt := mount("size=6m")).returncode:
        pytest.skip(f"cannot mount: {attempt.stderr.strip()}")
    yield folder, lambda size: mount(f"remount,size={size}")
    subprocess.run(["umount", folder], check=True)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_full_disk_is_named_and_the_checkpoint_before_is_resumed_from(demo_inputs, tmp_path, small_disk):
    disk, resize = small_disk

    def run(last_step):
        overrides = ("trainer.save_freq=1", "trainer.max_actor_ckpt_to_keep=9", f"trainer.total_training_steps={last_step}")
        return Run(demo_inputs, tmp_path / "run", *overrides, f"trainer.default_local_dir={disk}/checkpoints").start()

    full = run(50)
    assert full.process.wait(timeout=400) == 1
    last = full.log.read_text(errors="replace").rstrip().splitlines()[-1]
    assert re.match(r"error: a disk is full \(.*\); .*; the same command resumes from .*/checkpoints/global_step_1$", last), (
        last
    )
    full.assert_nothing_left()

    resize("100m")
    assert sorted(run(3).finish()) == [2, 3]
