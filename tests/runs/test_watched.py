"""The trainer's part in not waiting for ever: from when to when it is watched, and its last words."""

import os
import subprocess
import threading
from types import SimpleNamespace

import pytest
import ray
from omegaconf import OmegaConf
from verl.trainer.ppo.v1.trainer_base import PPOTrainer

from recipe.runs import trainer as run_trainer  # its checks look at verl before a test changes it
from recipe.runs import watchdog
from recipe.runs import watched as watched_module
from recipe.runs.processes import bytes_moved


def watched(trainer, limit):
    """The same trainer, built again with a watchdog that does not run."""
    trainer.config.trainer.hang_timeout_s = limit
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", lambda self: trainer.done.append("watch"))
        trainer.__init__(trainer.config)
    return trainer._watchdog


@pytest.mark.parametrize(("limit", "at_first"), [(60.0, watchdog.START_S), (7200.0, 7200.0)])
def test_the_start_has_more_patience_than_a_step(trainer, monkeypatch, limit, at_first):
    dog = watched(trainer, limit)
    assert trainer.done == ["watch"]
    assert dog.limit_s == at_first
    trainer.on_init_end()
    assert dog.limit_s == limit
    assert trainer.done == ["watch", "on_init_end"]


def test_without_a_limit_nothing_watches(trainer):
    assert watched(trainer, None) is None
    trainer._load_checkpoint()
    trainer.on_init_end()
    trainer.fit(None)
    trainer.closed()
    assert trainer.done == ["_load_checkpoint", "on_init_end", "fit"]


@pytest.mark.parametrize("fails", [False, True])
def test_the_watch_goes_on_until_tracking_and_queue_are_closed(trainer, monkeypatch, fails):
    """With verl's own task runner, whose closing is looked at."""
    import transfer_queue as tq
    from verl.trainer.ppo.v1.trainer_base import TRAINER_REGISTRY

    from verl_patches.driver import task_runner

    dog = watched(trainer, 60.0)
    cluster(trainer, monkeypatch)
    seen = []
    monkeypatch.setattr(PPOTrainer, "fit", lambda self, manager: 1 / 0 if fails else None)
    monkeypatch.setattr(PPOTrainer, "init", lambda self: None)
    monkeypatch.setattr(watched_module, "end_with", lambda sentence, config, finished: seen.append((sentence(), finished)))
    monkeypatch.setattr(tq, "init", lambda config: None)
    monkeypatch.setattr(tq, "close", lambda: seen.append(dog.ended.is_set()) or trainer._watchdog.on_hang(61.0))
    runner = task_runner(run_trainer.__name__).__ray_actor_class__()
    runner.init_agent_loop_manager = lambda: setattr(runner, "agent_loop_manager", SimpleNamespace(agent_loop_workers=()))
    monkeypatch.setitem(TRAINER_REGISTRY, "this", lambda config: trainer)
    config = OmegaConf.create({"trainer": {"v1": {"trainer_mode": "this"}}, "transfer_queue": {"enable": True}})
    trainer.logger = SimpleNamespace(finish=lambda exit_code: seen.append(exit_code), logger={})
    if fails:
        with pytest.raises(ZeroDivisionError):
            runner.run(config)
    else:
        runner.run(config)
    code, ended, (sentence, finished) = seen
    assert (code, ended, finished) == (int(fails), False, not fails)
    assert sentence.startswith("no progress for 61 s at its end" + (": " if fails else ", after all steps: "))
    assert dog.ended.is_set()


def cluster(trainer, monkeypatch, answers=(), late=()):
    """Two ranks and a vLLM server, whose answers to `about` are given; who is late gives none."""
    names = ("rank 0", "rank 1", "server")
    actors = [SimpleNamespace(__ray_call__=SimpleNamespace(remote=lambda function, name=name: name)) for name in names]

    def get(name):
        if isinstance(answer := dict(answers)[name], Exception):
            raise answer
        return answer

    there = [name for name in dict(answers) if name not in late]
    monkeypatch.setattr(ray, "wait", lambda calls, num_returns, timeout: (there[::-1], list(late)))
    monkeypatch.setattr(ray, "get", get)
    trainer.actor_rollout_wg = SimpleNamespace(workers=actors[:2])
    manager = SimpleNamespace(get_replicas=lambda: [SimpleNamespace(servers=actors[2:])])
    trainer._rollout_server_managers = lambda: [manager]
    trainer.reward_loop_manager = SimpleNamespace(reward_loop_worker_handles=None)
    trainer.queue_actors = dict


def hang(trainer, monkeypatch, waited=61.0):
    """The last words of a trainer whose watchdog barks: what stands in the file for the driver, and the exit status."""
    monkeypatch.setattr(threading, "Timer", Timer)
    monkeypatch.setattr(os, "_exit", leave)
    with pytest.raises(SystemExit) as end:
        trainer._watchdog.on_hang(waited)
    sentence, finished = watchdog.last_words(trainer.config)
    assert not finished
    return sentence, end.value.code


def leave(status):
    raise SystemExit(status)


class Timer:
    """Keeps what the last one was to do."""

    def __init__(self, seconds, function, args):
        Timer.last, self.daemon = (seconds, function, args), False

    def start(self):
        assert self.daemon


def test_a_hang_while_starting_is_said(trainer, monkeypatch):
    watched(trainer, 60.0)
    sentence, status = hang(trainer, monkeypatch)
    assert status == 1
    assert sentence == (
        "no progress for 61 s while starting: no process of the run is known yet (if it is only slow, raise "
        "trainer.hang_timeout_s)"
    )
    seconds, function, arguments = Timer.last  # should the look itself hang
    assert seconds > 60
    assert (function, arguments) == (leave, (1,))


def test_a_hang_in_a_step_names_who_does_not_answer(trainer, monkeypatch, capsys):
    watched(trainer, 60.0)
    answers = {
        "server": ("node-b", "10.0.0.2", 30, [31, 32]),
        "rank 1": ray.exceptions.RayError("its node died"),
        "rank 0": ("node-a", "10.0.0.1", 10, []),
    }
    cluster(trainer, monkeypatch, answers)
    trainer.fit(SimpleNamespace(agent_loop_workers=()))
    trainer._phase = None  # as in a step
    trainer._finished = False
    assert "watchdog: rank 1: its node died" in capsys.readouterr().err

    def on_nodes(function, arguments):
        assert arguments == {"node-a": ([10],), "node-b": ([30, 31, 32],)}
        states = {10: ("sleeping", "update"), 30: ("sleeping", ""), 31: ("stopped", "generate"), 32: ("gone", "")}
        return {node: {pid: states[pid] for pid in pids} for node, (pids,) in arguments.items()}

    monkeypatch.setattr(watchdog, "on_nodes", on_nodes)
    sentence, status = hang(trainer, monkeypatch)
    assert status == 1
    assert sentence.startswith(
        "no progress for 61 s in step 3: the engine of vLLM server 0 (pid 31 on 10.0.0.2) is stopped in generate; the engine "
        "of vLLM server 0 (pid 32 on 10.0.0.2) is gone (if it is only slow"
    )


def test_the_run_ends_though_nobody_can_be_looked_at_or_nothing_written(trainer, monkeypatch):
    watched(trainer, 60.0)
    cluster(trainer, monkeypatch, {"rank 0": ("node-a", "10.0.0.1", 10, [])}, late=["rank 1", "server"])
    trainer._load_checkpoint()

    def on_nodes(function, arguments):
        raise ConnectionError("no cluster")

    monkeypatch.setattr(watchdog, "on_nodes", on_nodes)
    sentence, status = hang(trainer, monkeypatch)
    assert status == 1
    assert sentence == "no progress, and the processes could not be looked at: ConnectionError('no cluster')"

    trainer.config.trainer.default_local_dir = os.devnull
    with pytest.raises(SystemExit) as end:
        trainer._watchdog.on_hang(61.0)
    assert end.value.code == 1


def test_a_slow_read_of_a_checkpoint_is_no_hang(trainer, monkeypatch):
    """Its ranks are known before they read, and what they read counts."""
    dog = watched(trainer, 60.0)
    cluster(trainer, monkeypatch, {"rank 0": ("node-a", "10.0.0.1", 10, []), "server": ("node-b", "10.0.0.2", 30, [31])})
    monkeypatch.setattr(PPOTrainer, "_load_checkpoint", lambda self: self.done.append(dog.moved()))

    def on_nodes(function, arguments):
        assert (function, arguments) == (bytes_moved, {"node-a": ([10],)})
        return {"node-a": {10: 7}}

    monkeypatch.setattr(watched_module, "on_nodes", on_nodes)
    trainer._load_checkpoint()
    moved = trainer.done[-1]
    assert moved[("node-a", 10)] == 7
    assert moved[("", "self")] > 0


def test_reward_agent_loop_workers_and_queue_are_known_by_name(trainer, monkeypatch):
    names = ("rank 0", "reward", "agent", "queue")
    answers = {name: ("node", "10.0.0.1", pid, []) for pid, name in enumerate(names)}
    cluster(trainer, monkeypatch, answers)
    actor = {name: SimpleNamespace(__ray_call__=SimpleNamespace(remote=lambda f, name=name: name)) for name in names[1:]}
    trainer.reward_loop_manager = SimpleNamespace(reward_loop_worker_handles=[actor["reward"]])
    trainer.queue_actors = lambda: {"TransferQueue's controller": actor["queue"]}
    found = watchdog.processes_of(trainer, [actor["agent"]])
    assert [(w.who, w.pid, w.is_rank) for w in found] == [
        ("rank 0", 0, True),
        ("reward worker 0", 1, False),
        ("agent-loop worker 0", 2, False),
        ("TransferQueue's controller", 3, False),
    ]


@pytest.mark.parametrize(("failed", "ended", "says"), [(0.0, True, ""), (0.1, False, ""), (0.1, True, "reward worker 0")])
def test_a_step_is_not_trained_on_what_a_lost_worker_has_left(trainer, monkeypatch, failed, ended, says):
    """A prompt whose reward raised is left out, as verl does; a worker that has ended ends the run before the update."""
    child = subprocess.Popen(["true"]) if ended else subprocess.Popen(["sleep", "60"])
    if ended:
        child.wait()
    one = watchdog.Watched("reward worker 0", "node", child.pid, "10.0.0.1")
    monkeypatch.setattr(watchdog, "on_nodes", lambda f, arguments: {node: f(*given) for node, given in arguments.items()})
    monkeypatch.setattr(watched_module.HookedTrainer, "advantage_step", lambda self, batch, metrics: "trained")
    trainer._watched, trainer.global_steps = (one,), 4

    def step():
        return watched_module.WatchedTrainer.advantage_step(trainer, None, {"rollouts/failed_share": failed})

    try:
        if not says:
            assert step() == "trained"
            return
        with pytest.raises(
            ValueError, match=rf"in step 4 10% of the responses did not come, as {says} \(pid {child.pid} on 10"
        ):
            step()
    finally:
        child.kill()
        child.wait()


def test_a_node_that_does_not_answer_counts_as_gone(monkeypatch):
    one = watchdog.Watched("rank 1", "node", os.getpid(), "10.0.0.1")
    monkeypatch.setattr(watchdog, "on_nodes", lambda f, arguments: {})
    assert watchdog.gone([one]) == [f"rank 1 (pid {os.getpid()} on 10.0.0.1)"]
