"""How a run is asked to stop, and what it does then; without Ray."""

import importlib
import io
import json
import os
import re
import signal
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf
from verl.trainer.ppo.v1 import get_trainer_cls, trainer_base
from verl.trainer.ppo.v1.trainer_base import PPOTrainer

from recipe.runs import stopping
from recipe.runs.checkpoints import newest_complete, problem
from recipe.runs.digests import DigestsLater
from recipe.runs.recovery import ISSUED
from recipe.runs.token_dump.collect import TokenDump
from recipe.runs.token_dump.dump_settings import dump_settings


@pytest.fixture
def config(tmp_path):
    return OmegaConf.create({"trainer": {"default_local_dir": str(tmp_path / "run")}})


@pytest.fixture
def hearing(config):
    """Listen; what the signals did before is restored afterwards."""
    before = {n: signal.getsignal(n) for n in stopping.SIGNALS}
    stopping.listen(config)
    yield
    for n, handler in before.items():
        signal.signal(n, handler)


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM])
def test_either_signal_leaves_the_request_and_nothing_else(config, hearing, number):
    os.kill(os.getpid(), number)
    assert stopping.request_file(config).exists()
    for _ in range(2):  # nothing there is fine, too
        stopping.forget(config)
        assert not stopping.request_file(config).exists()


def test_two_signals_at_the_same_time_are_one_request_and_a_later_one_is_the_end_of_patience(config, hearing, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    signal.raise_signal(signal.SIGTERM)
    now[0] += stopping.ONE_REQUEST_S
    signal.raise_signal(signal.SIGUSR1)
    assert stopping.request_file(config).exists()
    now[0] += 1
    with pytest.raises(stopping.OutOfPatience):
        signal.raise_signal(signal.SIGTERM)


def test_a_request_that_cannot_be_written_is_written_when_it_can_be(config, hearing, capsys, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: threading.Event().wait(0.01))
    folder = stopping.request_file(config).parent
    folder.touch()  # where the folder should be
    signal.raise_signal(signal.SIGTERM)
    assert f"SIGTERM: the run cannot be told yet, since {folder}/stop_requested cannot be written" in capsys.readouterr().out
    folder.unlink()
    deadline = time.monotonic() + 10
    while not stopping.asked(config):
        assert time.monotonic() < deadline


def test_a_standard_output_that_nobody_reads_does_not_end_the_driver(config, hearing, monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    for output in (os.fdopen(writer, "w"), io.StringIO()):
        monkeypatch.setattr(sys, "stdout", output)
        if isinstance(output, io.StringIO):
            output.close()
        stopping.listen(config)
        signal.raise_signal(signal.SIGTERM)
        assert stopping.asked(config)
        stopping.forget(config)


def test_a_folder_that_cannot_be_read_is_no_request_and_ends_nothing(config, monkeypatch, capsys):
    stopping.request_file(config).parent.mkdir()
    stopping.request_file(config).touch()
    assert stopping.asked(config)

    def stale(*_, **__):
        raise OSError(116, "Stale file handle")

    monkeypatch.setattr(os, "listdir", stale)
    monkeypatch.setattr(Path, "unlink", stale)
    assert not stopping.asked(config)
    stopping.forget(config)
    assert "stop_requested cannot be removed ([Errno 116] Stale file handle)" in capsys.readouterr().out


class Loader:
    """A dataloader of which only the number of batches drawn is known."""

    drawn = 0

    def state_dict(self):
        return {"drawn": self.drawn}


@pytest.fixture
def fit(compose, tmp_path, monkeypatch):
    """Train four steps with verl's own loop and the shipped trainer, without a cluster; returns (what was done, the end).

    Asked to stop while `asked_in` is being done. Steps save by themselves after every second one, and validate. A save says how
    many batches had been drawn by the dataloader state that it writes.
    """

    def run(asked_in, mode="sync", *overrides):
        config = compose(
            *(f"trainer.default_local_dir={tmp_path}/run", "actor_rollout_ref.model.path=org/model"),
            *("trainer.logger=[file]", "trainer.save_freq=2", "trainer.test_freq=1", "trainer.val_before_train=False"),
            *("trainer.token_dump.every=0", "trainer.hang_timeout_s=null", f"trainer.v1.trainer_mode={mode}", *overrides),
        )
        monkeypatch.setenv("VERL_FILE_LOGGER_PATH", str(tmp_path / "metrics.jsonl"))
        importlib.import_module("recipe.htpo.trainer")
        trainer = object.__new__(get_trainer_cls(f"htpo_{mode}"))
        trainer.config, trainer.trainer_mode, trainer.sampling = config, mode, None
        trainer.entropy_statistics, trainer.token_dump = None, TokenDump(dump_settings(config))
        trainer.global_steps, trainer.total_training_steps, trainer.steps_per_epoch = 0, 4, 100
        trainer._dump_futures, trainer._dump_executor = [], SimpleNamespace(shutdown=lambda wait: None)
        trainer.train_dataloader, trainer.digests, done = Loader(), DigestsLater(), []

        def doing(what, result=None):
            def do(*_, **__):
                done.append(f"{what} {trainer.global_steps}")
                if done[-1] == asked_in:
                    stopping.request_file(config).parent.mkdir(parents=True, exist_ok=True)
                    stopping.request_file(config).touch()
                return result

            return do

        def step(self, metrics, timing_raw):
            self.prepare_step()
            doing("generate")()
            self.looked()
            self.on_sample_end()
            doing("update")()
            return SimpleNamespace(keys=[], partition_id="train")

        def validate(self):
            doing("validate")()
            self.looked()
            return {"accuracy": 1.0}

        def issue(self):
            self.train_dataloader.drawn += 1

        def save(self):
            folder = tmp_path / f"run/global_step_{self.global_steps}"
            folder.mkdir(parents=True, exist_ok=True)
            doing("save")()
            done[-1] += f" drawn {self.train_dataloader.state_dict()['drawn']}"
            if (folder / ISSUED).exists():
                done[-1] += " issued"
            (tmp_path / "run/latest_checkpointed_iteration.txt").write_text(str(self.global_steps))
            self.checkpoint_callback.on_save(global_step=self.global_steps, checkpoint_dir=str(folder))

        def on_save(global_step, checkpoint_dir):
            assert problem(checkpoint_dir, is_tracked=True) is None

        trainer.checkpoint_callback = SimpleNamespace(on_save=on_save)
        trainer.checkpoint_manager = SimpleNamespace(
            update_weights=doing("weights"),
            abort_replicas=doing("abort"),
            sleep_replicas=lambda: None,
            resume_generation_replicas=lambda: None,
        )
        monkeypatch.setattr(PPOTrainer, "step", step)
        monkeypatch.setattr(PPOTrainer, "_add_batch_to_generate", issue)
        monkeypatch.setattr(PPOTrainer, "_save_checkpoint", save)
        monkeypatch.setattr(PPOTrainer, "_validate", validate)
        monkeypatch.setattr(PPOTrainer, "_add_async_warmup_batches", lambda *_: None)
        monkeypatch.setattr(PPOTrainer, "_reissue_inflight_prompts", lambda *_: None)
        monkeypatch.setattr(PPOTrainer, "_compute_metrics", doing("metrics"))
        monkeypatch.setattr(trainer_base.tq, "kv_clear", lambda **_: None)
        try:
            trainer.fit(SimpleNamespace(agent_loop_workers=()))
        except stopping.Stopped as stopped:
            return done, stopped
        return done, None

    return run


def logged(tmp_path):
    return [json.loads(line)["step"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]


def steps(*numbers):
    """What is done in whole steps."""
    done = []
    for n in numbers:
        saved = [f"save {n} drawn {n}"] if n % 2 == 0 else []
        done += [f"generate {n}", f"update {n}", *saved, f"weights {n}", f"validate {n}", f"metrics {n}"]
    return done


def test_without_a_request_the_run_ends_by_itself(fit, tmp_path):
    assert fit(None) == (steps(1, 2, 3, 4), None)
    assert logged(tmp_path) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("asked_in", "expected", "saved"),
    [
        # From the log-probs on the step is brought to its end. A validation may take longer than there is time; the step's
        # metrics are logged all the same.
        ("update 1", ["generate 1", "update 1", "save 1 drawn 1", "weights 1", "metrics 1"], 1),
        ("update 2", [*steps(1), "generate 2", "update 2", "save 2 drawn 2", "weights 2", "metrics 2"], 2),
        ("save 2", [*steps(1), "generate 2", "update 2", "save 2 drawn 2", "weights 2", "metrics 2"], 2),
        # After the step has looked: the older checkpoint would lose the step.
        ("weights 3", [*steps(1, 2), *steps(3)[:-2], "abort 3", "save 3 drawn 3", "metrics 3"], 3),
        ("validate 3", [*steps(1, 2), *steps(3)[:-1], "abort 3", "save 3 drawn 3", "metrics 3"], 3),
        ("metrics 3", [*steps(1, 2, 3), "abort 4", "save 3 drawn 3"], 3),
        # While rollouts are generated: the step before, with its dataloader state.
        ("generate 4", [*steps(1, 2, 3), "generate 4", "abort 4", "save 3 drawn 3"], 3),
        ("generate 3", [*steps(1, 2), "generate 3"], 2),  # saved already
        ("weights 2", [*steps(1), "generate 2", "update 2", "save 2 drawn 2", "weights 2", "metrics 2"], 2),
    ],
)
def test_a_requested_stop_loses_no_finished_step(fit, tmp_path, asked_in, expected, saved):
    done, end = fit(asked_in)
    assert done == expected
    where = f" while the rollouts of step {saved + 1} were generated" if asked_in.startswith("generate") else ""
    assert re.fullmatch(
        rf"stopped as asked{where}, with a checkpoint of step {saved} in .*/run; the same command resumes from it", str(end)
    )
    assert end.status == stopping.RUN_AGAIN
    assert newest_complete(tmp_path / "run") == (str(tmp_path / f"run/global_step_{saved}"), [])
    assert logged(tmp_path) == list(range(1, saved + 1))


@pytest.mark.parametrize("asked_in", ["generate 1", "validate 0"])
def test_with_nothing_trained_there_is_nothing_to_save(fit, asked_in):
    done, end = fit(asked_in, "sync", f"trainer.val_before_train={asked_in == 'validate 0'}")
    assert not [x for x in done if x.startswith("save")]
    assert str(end).startswith("stopped as asked ")
    assert str(end).endswith(", with no new checkpoint; no checkpoint had been saved")
    assert end.status == stopping.TRY_AGAIN  # a job whose time is too short for one step must not come again for ever


def test_an_asynchronous_mode_saves_the_rows_in_flight_and_says_that_they_are_issued(fit):
    done, end = fit("generate 4", "colocate_async")
    assert done[-2:] == ["abort 4", "save 3 drawn 4 issued"]
    assert end.status == stopping.RUN_AGAIN


@pytest.mark.parametrize("asked_in", ["update 4", "save 4", "weights 4", "validate 4", "metrics 4"])
def test_a_run_that_is_over_is_not_stopped(fit, tmp_path, asked_in):
    assert fit(asked_in) == (steps(1, 2, 3, 4), None)
    assert logged(tmp_path) == [1, 2, 3, 4]
