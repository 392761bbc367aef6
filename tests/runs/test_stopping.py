"""How a run is asked to stop, and what the watchdog says of one that hangs; without Ray."""

import os
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf

from recipe.runs import processes, stopping, watchdog
from recipe.runs.recovery import RecoverableTrainer
from recipe.runs.watchdog import Watched, diagnose


@pytest.fixture
def config(tmp_path):
    return OmegaConf.create({"trainer": {"default_local_dir": str(tmp_path / "run")}})


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM])
def test_either_signal_leaves_the_request_and_nothing_else(config, number):
    before = {n: signal.getsignal(n) for n in stopping.SIGNALS}
    try:
        stopping.listen(config)
        os.kill(os.getpid(), number)
        assert stopping.request_file(config).exists()
    finally:
        for n, handler in before.items():
            signal.signal(n, handler)
    for _ in range(2):  # nothing there is fine, too
        stopping.forget(config)
        assert not stopping.request_file(config).exists()


def trainer_at(config, step, saved, last=10):
    trainer = SimpleNamespace(config=config, global_steps=step, saved_step=saved, total_training_steps=last)
    trainer._ends_now = lambda: RecoverableTrainer._ends_now(trainer)
    return trainer


@pytest.mark.parametrize(
    ("step", "saved", "ends"),
    [(4, 3, True), (10, 3, True), (4, None, False), (11, 10, False), (11, 9, False), (10, 10, False)],
    ids=["saved", "in the last step", "not saved yet", "over", "over, and not saved at its end", "the last step is saved"],
)
def test_a_requested_stop_ends_the_run_once_it_is_saved_and_not_over(config, step, saved, ends):
    trainer = trainer_at(config, step, saved)
    RecoverableTrainer._end_if_saved(trainer)  # nothing was asked for
    stopping.request_file(config).parent.mkdir()
    stopping.request_file(config).touch()
    if ends:
        with pytest.raises(stopping.Stopped, match=r"with a checkpoint of step 3 in .*/run; the same command resumes"):
            RecoverableTrainer._end_if_saved(trainer)
    else:
        RecoverableTrainer._end_if_saved(trainer)


def test_a_stop_that_is_due_leaves_the_validation_out_so_that_the_steps_metrics_are_logged(config):
    stopping.request_file(config).parent.mkdir()
    stopping.request_file(config).touch()
    assert RecoverableTrainer._validate(trainer_at(config, 3, saved=3)) == {}


def test_the_watchdog_barks_once_and_only_when_nothing_changes():
    numbers, barked = iter(range(10**9)), threading.Event()
    busy = watchdog.Watchdog(0.2, lambda: next(numbers), lambda _: barked.set())
    busy.start()
    assert not barked.wait(1)
    busy.ended.set()
    calls = []
    idle = watchdog.Watchdog(0.2, lambda: "same", calls.append)
    idle.start()
    idle.join(10)
    assert not idle.is_alive()
    assert len(calls) == 1
    assert calls[0] > 0.2


def ranks(n):
    return [Watched(f"rank {i}", "node", i, "10.0.0.1") for i in range(n)]


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        (
            {"node": {0: ("sleeping", "update"), 1: ("stopped", "update"), 2: ("sleeping", "update")}},
            "rank 1 (pid 1 on 10.0.0.1) is stopped in update",
        ),
        (
            {"node": {0: ("sleeping", "update"), 1: ("sleeping", "update"), 2: ("gone", "")}},
            "rank 2 (pid 2 on 10.0.0.1) is gone",
        ),
        (
            {"node": {0: ("sleeping", "update"), 1: ("running", "load"), 2: ("sleeping", "update")}},
            "rank 1 (pid 1 on 10.0.0.1) is in load, while 2 ranks are in update",
        ),
        ({"node": dict.fromkeys(range(3), ("sleeping", "update"))}, "all 3 ranks are in update"),
        (
            {},
            "; ".join(f"rank {i} (pid {i} on 10.0.0.1) is silent: its node does not answer" for i in range(3)),
        ),
    ],
)
def test_who_hangs_is_named(monkeypatch, answers, sentence):
    monkeypatch.setattr(watchdog, "on_nodes", lambda function, arguments: answers)
    assert diagnose(ranks(3)) == sentence


def test_before_anything_is_known_the_sentence_says_so(monkeypatch):
    monkeypatch.setattr(watchdog, "on_nodes", lambda function, arguments: {})
    assert diagnose([]) == "no process of the run is known yet"


class Buffer:
    """Looks as verl's replay buffer does: it forgets what it knew, and asks."""

    def __init__(self):
        self.there = {"pending": {"a", "b"}, "running": set(), "finished": set(), "failure": set()}
        self.during_the_look = lambda: None
        for kind in self.there:
            setattr(self, f"{kind}_keys", {})

    def _sync_metadata_from_transfer_queue(self):
        for kind, keys in self.there.items():
            setattr(self, f"{kind}_keys", {})
            self.during_the_look()
            setattr(self, f"{kind}_keys", {"train": set(keys)})


def test_progress_is_any_change_of_step_phase_or_prompts():
    buffer = watchdog.count_prompts(Buffer())
    trainer = SimpleNamespace(replay_buffer=buffer, global_steps=1, timing_raw={})
    buffer._sync_metadata_from_transfer_queue()
    seen = [watchdog.progress_of(trainer)]
    for change in (
        lambda: buffer.there["finished"].add("a"),
        lambda: trainer.timing_raw.update(gen=1.0),
        lambda: trainer.timing_raw.update(gen=2.0),  # the same phase again, as in separate_async
        lambda: setattr(trainer, "global_steps", 2),
    ):
        change()
        buffer._sync_metadata_from_transfer_queue()
        seen.append(watchdog.progress_of(trainer))
    assert len(set(seen)) == 5
    # A look of the buffer is no progress, neither while it lasts nor after it.
    during = []
    buffer.during_the_look = lambda: during.append(watchdog.progress_of(trainer))
    buffer._sync_metadata_from_transfer_queue()
    assert {*during, watchdog.progress_of(trainer)} == {seen[-1]}


def test_a_child_that_nobody_waited_for_is_no_obstacle():
    import psutil

    child = subprocess.Popen([sys.executable, "-c", ""])
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    try:
        assert processes._title(psutil.Process(child.pid)) == ""
        assert processes.look([child.pid, os.getpid()])[child.pid] == ("dead", "")
    finally:
        child.wait()
    assert processes.look([child.pid]) == {child.pid: ("gone", "")}
