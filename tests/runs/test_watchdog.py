"""The watchdog's patience on a clock of its own, and what it makes of verl's buffer and of many suspects."""

import os
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from recipe.runs import processes, watchdog
from recipe.runs.processes import bytes_moved
from recipe.runs.watchdog import Watchdog, Watched, diagnose
from verl_patches.ray_processes import title
from verl_patches.replay_buffer import watch as watch_buffer


def watch(limit, progress, looks=1000, moved=lambda now: {}):
    """(seconds on the clock, the seconds that it says) when it barks; None if it does not within so many looks."""
    now = [0.0]
    barked = []

    class Ended:
        def wait(self, seconds):
            nonlocal looks
            looks -= 1
            now[0] += seconds
            return looks < 0

    dog = Watchdog(limit, lambda: progress(now[0]), lambda waited: barked.append((now[0], waited)), lambda: moved(now[0]))
    dog.ended = Ended()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "monotonic", lambda: now[0])
        dog.run()
    return barked


def test_it_waits_from_the_last_change_on():
    ((at, waited),) = watch(100.0, lambda now: now if now < 500 else "stuck")
    assert 600 < at <= 620
    assert 100 < waited <= 110
    assert watch(100.0, lambda now: now // 90) == []
    assert watch(100.0, lambda now: "stuck", looks=9) == []


def test_it_looks_often_enough_for_a_short_limit_and_not_more_often_than_needed():
    ((at, _),) = watch(5.0, lambda now: "stuck")
    assert at <= 6.5
    seen = []
    watch(3600.0, lambda now: seen.append(now) or "stuck", looks=10)
    assert seen == [10.0 * i for i in range(1, 11)]


def test_a_look_that_fails_is_a_state_like_any_other():
    def fails(now):
        raise RuntimeError("dictionary changed size" if now < 300 else "gone")

    ((at, _),) = watch(400.0, fails)
    assert at > 700


@pytest.mark.parametrize(
    ("moved", "barks"),
    [
        (lambda now: {"rank": int(2e6 * now)}, False),  # reads a checkpoint, at 2 MB a second
        (lambda now: {"rank": int(2e6 * min(now, 300))}, True),  # until then
        (lambda now: {"rank": int(1e4 * now)}, True),  # what a process does that waits
        (lambda now: {"rank": 10**12} if now > 80 else {}, True),  # seen for the first time
        (lambda now: 1 / 0, True),
    ],
)
def test_reading_and_writing_is_progress(moved, barks):
    barked = watch(100.0, lambda now: "stuck", looks=200, moved=moved)
    assert bool(barked) == barks
    if barked and barked[0][0] > 130:
        assert 300 < barked[0][0] < 520


def test_the_bytes_of_a_process_are_counted(tmp_path):
    before = bytes_moved([os.getpid(), 2**22 + 1])
    (tmp_path / "file").write_bytes(b"x" * 1_000_000)
    (tmp_path / "file").read_bytes()
    after = bytes_moved(["self", os.getpid()])
    assert list(before) == [os.getpid()]
    assert 2_000_000 <= after[os.getpid()] - before[os.getpid()] < 3_000_000
    assert before[os.getpid()] < after["self"] <= after[os.getpid()]


def test_a_checkpoint_that_grows_is_progress(tmp_path):
    trainer = SimpleNamespace(writing=tmp_path, replay_buffer=None, files_looked_at=0)
    before = watchdog.progress_of(trainer)
    assert watchdog.progress_of(trainer) == before
    (tmp_path / "actor").mkdir()
    (tmp_path / "actor/model.pt").write_bytes(b"x")
    assert watchdog.progress_of(trainer) != before


@pytest.mark.parametrize("kind", ["pending", "running", "finished", "failure"])
def test_a_prompt_that_changes_its_state_is_progress(kind):
    buffer = SimpleNamespace(_sync_metadata_from_transfer_queue=lambda: None, _evict_terminal_groups=lambda *_: None)
    for name in ("pending", "running", "finished", "failure"):
        setattr(buffer, f"{name}_keys", {"train": {"a"}})
    assert watch_buffer(buffer) is buffer
    buffer._sync_metadata_from_transfer_queue()
    before = buffer.prompt_counts
    buffer._sync_metadata_from_transfer_queue()
    assert buffer.prompt_counts == before
    getattr(buffer, f"{kind}_keys")["train"] = {"a", "b"}
    buffer._sync_metadata_from_transfer_queue()
    assert buffer.prompt_counts != before


def test_a_buffer_of_the_users_own_is_left_alone():
    buffer = SimpleNamespace()
    assert watch_buffer(buffer) is buffer
    assert vars(buffer) == {}


@pytest.mark.parametrize(("n", "end"), [(4, "its node does not answer"), (5, "; and 1 more"), (9, "; and 5 more")])
def test_of_many_suspects_four_are_named(monkeypatch, n, end):
    monkeypatch.setattr(watchdog, "on_nodes", lambda function, arguments: {})
    sentence = diagnose([Watched(f"rank {i}", "node", i, "10.0.0.1") for i in range(n)])
    assert sentence.count("rank ") == 4
    assert sentence.endswith(end)
    assert (" more" in sentence) == (n > 4)


def test_the_watchdog_barks_once_and_only_when_nothing_changes():
    numbers, barked = iter(range(10**9)), threading.Event()
    busy = Watchdog(0.2, lambda: next(numbers), lambda _: barked.set())
    busy.start()
    assert not barked.wait(1)
    busy.ended.set()
    calls = []
    idle = Watchdog(0.2, lambda: "same", calls.append)
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

    def _evict_terminal_groups(self, global_steps, partition_id, eviction_reasons):
        return "evicted"


def test_progress_is_any_change_of_step_phase_or_prompts():
    buffer = watch_buffer(Buffer())
    trainer = SimpleNamespace(replay_buffer=buffer, global_steps=1, timing_raw={}, writing=None, files_looked_at=0)
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
