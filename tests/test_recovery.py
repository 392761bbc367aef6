"""Stopping on a signal, and resuming past a broken checkpoint: the files alone, and a real run."""

import json
import os
import signal
from pathlib import Path

import pytest

from recipe.token_level.checkpoints import newest_complete, write_list
from tests.training import Run


def checkpoint(root, step, tracked=True, listed=True):
    folder = root / f"global_step_{step}"
    (folder / "actor").mkdir(parents=True)
    (folder / "actor/model.pt").write_bytes(b"x" * 100)
    (folder / "data.pt").write_bytes(b"y" * 10)
    if listed:
        write_list(folder)
    if tracked:
        (root / "latest_checkpointed_iteration.txt").write_text(str(step))
    return folder


def test_the_newest_complete_checkpoint_is_found(tmp_path):
    assert newest_complete(tmp_path) == (None, [])
    assert newest_complete(tmp_path / "nowhere") == (None, [])
    for step in (2, 9, 10):
        checkpoint(tmp_path, step)
    assert newest_complete(tmp_path) == (str(tmp_path / "global_step_10"), [])


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda folder: (folder / "actor/model.pt").write_bytes(b"x" * 99), "has 99 of 100 bytes of actor/model.pt"),
        (lambda folder: (folder / "actor/model.pt").unlink(), "lacks actor/model.pt"),
        (lambda folder: (folder / "complete.json").write_text("{"), "has an unreadable complete.json"),
    ],
)
def test_a_damaged_one_is_passed_over_with_a_sentence(tmp_path, damage, sentence):
    old, new = checkpoint(tmp_path, 2), checkpoint(tmp_path, 4)
    damage(new)
    assert newest_complete(tmp_path) == (str(old), [f"{new} {sentence}"])
    damage(old)
    with pytest.raises(ValueError, match=r"no checkpoint in .* is complete .*start anew"):
        newest_complete(tmp_path)


def test_one_that_was_never_finished_is_passed_over(tmp_path):
    old = checkpoint(tmp_path, 2)
    new = checkpoint(tmp_path, 4, tracked=False, listed=False)  # killed while saving
    assert newest_complete(tmp_path) == (str(old), [f"{new} was not finished"])


def test_a_tracker_that_was_set_back_is_followed(tmp_path):
    old = checkpoint(tmp_path, 2)
    checkpoint(tmp_path, 4)
    (tmp_path / "latest_checkpointed_iteration.txt").write_text("2")
    assert newest_complete(tmp_path) == (str(old), [])


def test_a_tracker_that_a_full_disk_left_empty_is_passed_over(tmp_path):
    checkpoint(tmp_path, 2)
    new = checkpoint(tmp_path, 4)
    tracker = tmp_path / "latest_checkpointed_iteration.txt"
    tracker.write_text("")
    assert newest_complete(tmp_path) == (str(new), [f"{tracker} holds no step"])


def test_one_without_a_list_counts_if_verl_says_so(tmp_path):
    folder = checkpoint(tmp_path, 4, listed=False)
    assert newest_complete(tmp_path) == (str(folder), [])


def test_the_list_names_every_file_but_itself(tmp_path):
    folder = checkpoint(tmp_path, 1)
    write_list(folder)
    assert json.loads((folder / "complete.json").read_text()) == {"actor/model.pt": 100, "data.pt": 10}


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_signal_saves_and_a_truncated_checkpoint_is_passed_over(demo_inputs, tmp_path):
    def run(last_step):
        overrides = ("trainer.save_freq=100", "trainer.max_actor_ckpt_to_keep=5", f"trainer.total_training_steps={last_step}")
        return Run(demo_inputs, tmp_path / "run", *overrides).start()

    stopped = run(50)
    stopped.wait_for_step(1)
    stopped.process.send_signal(signal.SIGUSR1)
    assert stopped.process.wait(timeout=300) == 85, stopped.log.read_text(errors="replace")[-6000:]
    step = max(stopped.steps())
    log = stopped.log.read_text(errors="replace").rstrip().splitlines()
    assert log[-1].startswith(f"stopped as asked, with a checkpoint of step {step} in ")
    assert not (tmp_path / "run/checkpoints/stop_requested").exists()
    assert not stopped.processes()

    resumed = run(step + 1)
    assert sorted(resumed.finish()) == [step + 1]
    shard = next((tmp_path / f"run/checkpoints/global_step_{step + 1}/actor").glob("model_*"))
    shard.write_bytes(shard.read_bytes()[:-1])

    again = run(step + 2)
    assert sorted(again.finish()) == [step + 1, step + 2]
    log = again.log.read_text(errors="replace")
    assert f"bytes of actor/{shard.name}; " in log
    assert f"global_step_{step}, setting global step to {step}" in log


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("victim", ["ray::WorkerDict", "VLLM::EngineCore"])
def test_a_killed_process_ends_the_run_and_says_where_it_resumes(demo_inputs, tmp_path, victim):
    run = Run(demo_inputs, tmp_path / "run", "trainer.save_freq=1", "trainer.total_training_steps=50").start()
    run.wait_for_step(2)
    for pid in run.processes():
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()
        if command.startswith(victim):
            os.kill(pid, signal.SIGKILL)
            break
    else:
        raise AssertionError(f"no {victim} among the processes")
    assert run.process.wait(timeout=400) == 1
    last = run.log.read_text(errors="replace").rstrip().splitlines()[-1]
    assert last.startswith("error: ")
    assert "the same command resumes from" in last
    assert "/global_step_" in last
    assert not run.processes()
