"""How a run is asked to stop, and what the watchdog says of one that hangs; without Ray."""

import importlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf
from verl.trainer.ppo.v1 import get_trainer_cls, trainer_base
from verl.trainer.ppo.v1.trainer_base import PPOTrainer

from recipe.runs import processes, stopping, watchdog
from recipe.runs.token_dump.collect import TokenDump
from recipe.runs.token_dump.dump_settings import dump_settings
from recipe.runs.watchdog import Watched, diagnose
from verl_patches.ray_processes import title
from verl_patches.replay_buffer import count_prompts


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


@pytest.fixture
def fit(compose, tmp_path, monkeypatch):
    """Train four steps with verl's own loop and the shipped trainer, without a cluster; returns (what was done, the end).

    Asked to stop while `asked_in` is being done. Steps save by themselves after every second one, and validate.
    """
    config = compose(
        f"trainer.default_local_dir={tmp_path}/run",
        *("trainer.logger=[file]", "trainer.save_freq=2", "trainer.test_freq=1", "trainer.val_before_train=False"),
        *("trainer.token_dump.every=0", "trainer.hang_timeout_s=null"),
    )
    monkeypatch.setenv("VERL_FILE_LOGGER_PATH", str(tmp_path / "metrics.jsonl"))
    importlib.import_module("recipe.htpo.trainer")
    trainer = object.__new__(get_trainer_cls("htpo_sync"))
    trainer.config, trainer.trainer_mode, trainer.sampling = config, "sync", None
    trainer.entropy_statistics, trainer.token_dump = None, TokenDump(dump_settings(config))
    trainer.global_steps, trainer.total_training_steps, trainer.steps_per_epoch = 0, 4, 100
    trainer.checkpoint_manager = SimpleNamespace(update_weights=lambda step: None)
    trainer._dump_futures, trainer._dump_executor = [], SimpleNamespace(shutdown=lambda wait: None)
    done = []

    def doing(what, result=None):
        def do(self, *_, **__):
            done.append(f"{what} {self.global_steps}")
            if done[-1] == trainer.asked_in:
                stopping.request_file(config).parent.mkdir(parents=True, exist_ok=True)
                stopping.request_file(config).touch()
            if what == "save":
                (tmp_path / f"run/global_step_{self.global_steps}").mkdir(parents=True, exist_ok=True)
            return result

        return do

    monkeypatch.setattr(PPOTrainer, "step", doing("step", SimpleNamespace(keys=[], partition_id="train")))
    monkeypatch.setattr(PPOTrainer, "_save_checkpoint", doing("save"))
    monkeypatch.setattr(PPOTrainer, "_validate", doing("validate", {"accuracy": 1.0}))
    monkeypatch.setattr(PPOTrainer, "_compute_metrics", lambda *_, **__: None)
    monkeypatch.setattr(trainer_base.tq, "kv_clear", lambda **_: None)

    def run(asked_in):
        trainer.asked_in = asked_in
        try:
            trainer.fit(None)
        except stopping.Stopped as stopped:
            return done, str(stopped)
        return done, None

    return run


def logged(tmp_path):
    return [json.loads(line)["step"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]


FIRST = ["step 1", "validate 1"]
SECOND = ["step 2", "save 2", "validate 2"]
THIRD = ["step 3", "validate 3"]
FOURTH = ["step 4", "save 4", "validate 4"]


def test_without_a_request_the_run_ends_by_itself(fit, tmp_path):
    assert fit(None) == ([*FIRST, *SECOND, *THIRD, *FOURTH], None)
    assert logged(tmp_path) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("asked_in", "expected", "saved"),
    [
        # The validation may take longer than there is time; the step's metrics are logged all the same.
        ("step 1", ["step 1", "save 1"], 1),
        ("step 2", ["step 2", "save 2"], 2),  # which saves anyway: once
        ("save 2", ["step 2", "save 2"], 2),
        ("validate 1", [*FIRST, "step 2", "save 2"], 2),  # not saved yet: one step more
        ("validate 2", SECOND, 2),  # saved already
    ],
)
def test_a_requested_stop_ends_the_run_as_soon_as_it_is_saved(fit, tmp_path, asked_in, expected, saved):
    done, end = fit(asked_in)
    whole = expected if expected[0] == "step 1" else [*FIRST, *expected]
    assert done == whole
    assert re.fullmatch(
        rf"stopped as asked, with a checkpoint of step {saved} in .*/run; the same command resumes from it", end
    )
    assert logged(tmp_path) == list(range(1, saved + 1))


@pytest.mark.parametrize("asked_in", ["step 4", "save 4", "validate 4"])
def test_a_run_that_is_over_is_not_stopped(fit, tmp_path, asked_in):
    assert fit(asked_in) == ([*FIRST, *SECOND, *THIRD, *FOURTH], None)
    assert logged(tmp_path) == [1, 2, 3, 4]


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
    buffer = count_prompts(Buffer())
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
        assert title(psutil.Process(child.pid)) == ""
        assert processes.look([child.pid, os.getpid()])[child.pid] == ("dead", "")
    finally:
        child.wait()
    assert processes.look([child.pid]) == {child.pid: ("gone", "")}
