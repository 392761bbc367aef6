"""How the driver ends: its exit status and its last line for each way a run can go, with a stand-in for `run_ppo`."""

import errno
import os
import signal
from dataclasses import replace
from types import SimpleNamespace

import pytest
import ray
import verl.trainer.main_ppo
from omegaconf import OmegaConf
from ray.exceptions import RayTaskError

from recipe.htpo.method import HTPO
from recipe.runs import launch, settle, stopping, watchdog
from recipe.runs.checkpoints import write_list

GIVEN = ("actor_rollout_ref.model.path=org/model", "data.train_files=train.parquet", "data.val_files=val.parquet")


@pytest.fixture
def config(tmp_path):
    return OmegaConf.create({"trainer": {"default_local_dir": str(tmp_path / "run")}})


@pytest.fixture
def ends(config, monkeypatch, capsys):
    """Launch a run that does what it is told, and return the exit status and the last line on stderr."""
    monkeypatch.setattr(launch, "_prepare", lambda *_: None)
    monkeypatch.setattr(ray, "shutdown", lambda: None)

    def ends(does):
        monkeypatch.setattr(verl.trainer.main_ppo, "run_ppo", lambda config, task_runner_class: does())
        try:
            launch.launch(config, HTPO)
        except SystemExit as end:
            return end.code, capsys.readouterr().err.rstrip().splitlines()[-1]
        return 0, capsys.readouterr().err

    return ends


def failing(cause, actors=2):
    """A run that ends with this exception of a worker, as Ray hands it on from actor to actor."""

    def does():
        error = cause
        for name in range(actors):
            error = RayTaskError(str(name), "Traceback: elsewhere", error)
        raise error

    return does


def failing_with(kind):
    raise kind


def checkpoint(config):
    folder = stopping.request_file(config).parent / "global_step_3"
    folder.mkdir(exist_ok=True, parents=True)
    write_list(folder)
    (folder.parent / "latest_checkpointed_iteration.txt").write_text("3")
    return folder


def test_a_run_that_is_over_ends_quietly(ends):
    assert ends(lambda: None) == (0, "")


@pytest.mark.parametrize("actors", [1, 3])
@pytest.mark.parametrize(("kind", "status"), [(stopping.Stopped, 85), (stopping.StoppedUnsaved, 75)])
def test_a_stop_that_was_asked_for_has_a_status_of_its_own(ends, config, actors, kind, status):
    def does():
        stopping.request_file(config).parent.mkdir(exist_ok=True)
        stopping.request_file(config).touch()
        failing(kind("stopped as asked, with a checkpoint"), actors)()

    assert ends(does) == (status, "stopped as asked, with a checkpoint")  # train.sbatch knows the numbers
    assert not stopping.request_file(config).exists()


def test_a_second_signal_ends_the_driver_itself(ends, config):
    folder = checkpoint(config)

    def does():
        stopping.request_file(config).touch()
        raise KeyboardInterrupt  # what Ray's wait makes of stopping.OutOfPatience

    assert ends(does) == (75, f"asked to end again before the run had saved; the same command resumes from {folder}")
    with pytest.raises(KeyboardInterrupt):  # Ctrl-C
        ends(lambda: failing_with(KeyboardInterrupt))


def test_so_it_does_where_the_first_one_could_not_be_written_down(ends, monkeypatch):
    monkeypatch.setattr(stopping.heard, "is_set", lambda: True)
    status, sentence = ends(lambda: failing_with(KeyboardInterrupt))
    assert status == 75
    assert sentence.startswith("asked to end again before the run had saved")


def test_what_an_earlier_run_left_is_no_request_and_no_hang(ends, config):
    stopping.request_file(config).parent.mkdir(exist_ok=True)
    stopping.request_file(config).touch()
    watchdog.hang_file(config).write_text("an old sentence")

    def does():
        assert not stopping.request_file(config).exists()
        assert not watchdog.hang_file(config).exists()

    assert ends(does) == (0, "")


@pytest.mark.parametrize("finished", [False, True])
def test_a_hang_ends_in_the_watchdogs_sentence(ends, config, monkeypatch, finished):
    folder = checkpoint(config)
    monkeypatch.setattr(os, "_exit", lambda status: None)

    def does():
        watchdog.end_with(lambda: "no progress for 61 s", config, finished)
        failing(ray.exceptions.RayError("the actor died"))()

    status, last = ends(does)
    if finished:  # to come again would find nothing to train
        assert status == 0
        assert last.rstrip().splitlines()[-1].startswith("warning: no progress for 61 s; all steps are trained, ")
    else:
        assert (status, last) == (75, f"error: no progress for 61 s; the same command resumes from {folder}")


def test_a_wrong_value_is_the_sentence_alone(ends):
    assert ends(failing(ValueError("the entropy of row 3 is not finite"))) == (
        1,
        "error: the entropy of row 3 is not finite",
    )


FULL = "a disk is full", "free space or lower trainer.max_actor_ckpt_to_keep"
READ_ONLY = "a disk can only be read", "have it mounted for writing, or take another folder"


@pytest.mark.parametrize(
    ("cause", "what", "mend"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), *FULL),
        (OSError(errno.ENOSPC, "in another language"), *FULL),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), *FULL),
        (RuntimeError("[enforce fail] PytorchStreamWriter failed writing file data/7: file write failed"), *FULL),
        (RuntimeError("unexpected pos 576 vs 470"), *FULL),
        (RuntimeError("error 28: No space left on device\nand more"), *FULL),
        (OSError(errno.EROFS, "in another language"), *READ_ONLY),
        (
            RuntimeError("[enforce fail at inline_container.cc:747] . open file failed with strerror: Read-only file system"),
            *READ_ONLY,
        ),
    ],
)
def test_a_disk_is_named_with_what_to_do(ends, config, cause, what, mend):
    folder = checkpoint(config)
    status, last = ends(failing(cause))
    assert status == 1
    assert last.startswith(f"error: {what} ({type(cause).__name__}: ")
    assert last.endswith(f"; {mend}; the same command resumes from {folder}")


def test_another_failure_has_its_name_its_first_line_and_where_to_go_on(ends, config):
    assert ends(failing(KeyError("acc"))) == (1, "error: KeyError: 'acc'; no checkpoint had been saved")
    assert ends(failing(RuntimeError(""))) == (1, "error: RuntimeError; no checkpoint had been saved")
    folder = checkpoint(config)
    expected = f"error: RuntimeError: first; the same command resumes from {folder}"
    assert ends(failing(RuntimeError("\n first\nsecond"))) == (1, expected)
    (folder / "complete.json").write_text("{")  # and nothing else is complete
    assert ends(failing(KeyError("acc"))) == (1, "error: KeyError: 'acc'; no checkpoint had been saved")


def test_what_is_wrong_before_the_start_is_status_2_and_nothing_starts(compose, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(settle, "apply_environment", lambda *_: None)
    monkeypatch.setattr(verl.trainer.main_ppo, "run_ppo", lambda *_, **__: pytest.fail("started"))
    for override, sentence in (
        ("actor_rollout_ref.rollout.n=1", "error: actor_rollout_ref.rollout.n is 1"),
        (f"data.train_files={tmp_path}/nowhere.parquet", "error: data.train_files names"),
    ):
        with pytest.raises(SystemExit) as end:
            launch.launch(compose(*GIVEN, override), HTPO)
        assert end.value.code == 2
        assert capsys.readouterr().err.rstrip().splitlines()[-1].startswith(sentence)


@pytest.mark.parametrize("mode", ["sync", "htpo_sync", "colocate_async"])
def test_verl_gets_the_methods_trainer_after_all_checks(compose, monkeypatch, mode):
    done = []
    monkeypatch.setattr(settle, "apply_environment", lambda config, plugin: done.append(plugin))
    monkeypatch.setattr(launch, "require_files_and_numbers", lambda *_: done.append("three"))
    monkeypatch.setattr(
        launch, "checks_before_start", lambda *_: {name: lambda name=name: done.append(name) for name in ("one", "two")}
    )
    monkeypatch.setattr(
        verl.trainer.main_ppo, "run_ppo", lambda config, task_runner_class: done.append(config.trainer.v1.trainer_mode)
    )
    launch.launch(compose(*GIVEN, f"trainer.v1.trainer_mode={mode}"), HTPO)
    assert done == ["recipe.htpo.plugin", "one", "two", "three", f"htpo_{mode.removeprefix('htpo_')}"]


def test_a_ray_that_does_not_start_and_a_check_that_breaks_end_in_a_sentence(ends, monkeypatch):
    assert ends(lambda: failing_with(ConnectionError("no GCS\nat all"))) == (
        1,
        "error: Ray could not be started or joined: ConnectionError: no GCS at all",
    )
    monkeypatch.setattr(launch, "_prepare", lambda *_: failing_with(KeyError("acc")))
    assert ends(lambda: None) == (1, "error: a check before the start broke: KeyError: 'acc'")


def test_signals_are_heard_from_when_ray_runs_and_the_task_runner_registers_the_trainers(config, monkeypatch):
    """verl calls `options(...).remote()` after `ray.init`, and then `run` in the actor."""
    seen = []
    monkeypatch.setattr(launch, "_prepare", lambda *_: None)
    monkeypatch.setattr(verl.trainer.main_ppo, "run_ppo", lambda config, task_runner_class: seen.append(task_runner_class))
    launch.launch(config, replace(HTPO, package="recipe.no_such_method"))
    (listening,) = seen
    runner = listening.actor_class.__ray_actor_class__
    with pytest.raises(ModuleNotFoundError, match="no_such_method"):
        runner.run(object.__new__(runner), config)

    actor_class = SimpleNamespace(remote=lambda: "actor")
    actor_class.options = lambda **options: seen.append(options) or actor_class
    before = {number: signal.getsignal(number) for number in stopping.SIGNALS}
    try:
        listening.actor_class = actor_class
        with_options = listening.options(num_cpus=1)
        assert seen[1:] == [{"num_cpus": 1}]
        assert {number: signal.getsignal(number) for number in before} == before
        assert with_options.remote() == "actor"
        signal.raise_signal(signal.SIGUSR1)
        assert stopping.request_file(config).exists()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
