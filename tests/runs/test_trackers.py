"""W&B and TensorBoard over the attempts of a run, with the real libraries; W&B offline."""

import os
import time
from unittest.mock import patch

import pytest
from omegaconf import OmegaConf

from recipe.runs.trackers import WANDB_ID, continue_tensorboard, keep_trackers

VARIABLES = ("TENSORBOARD_DIR", "WANDB_DIR", "WANDB_RUN_ID", "WANDB_RESUME", "WANDB_MODE", "WANDB_API_KEY")


@pytest.fixture
def attempt(tmp_path):
    """Do in one attempt of a run whatever a function does, in an environment of its own; with variables set by the user."""

    def attempt(does, resume_mode="auto", **given):
        trainer = {
            "default_local_dir": f"{tmp_path}/run/checkpoints",
            "logger": ["console", "wandb", "tensorboard"],
            "resume_mode": resume_mode,
        }
        with patch.dict(os.environ, given | {"WANDB_SILENT": "true"}):
            for name in VARIABLES:
                if name not in given:
                    os.environ.pop(name, None)
            keep_trackers(OmegaConf.create({"trainer": trainer}))
            return does()

    return attempt


def test_one_id_per_run_folder_is_kept_and_used_again(attempt, tmp_path):
    def read():
        return os.environ["WANDB_RUN_ID"], os.environ["WANDB_RESUME"], os.environ["WANDB_DIR"]

    first = attempt(read)
    assert first[1:] == ("allow", str(tmp_path / "run"))
    assert (tmp_path / "run" / WANDB_ID).read_text() == first[0]
    assert attempt(read) == first
    assert attempt(read, resume_mode="resume_path") == first
    other = attempt(read, resume_mode="disable")
    assert other[0] != first[0]
    assert attempt(read) == other


def test_what_the_user_sets_stays(attempt, tmp_path):
    given = {"WANDB_RUN_ID": "mine", "WANDB_DIR": "/elsewhere", "TENSORBOARD_DIR": "/there"}
    assert attempt(lambda: {name: os.environ[name] for name in given}, **given) == given
    assert attempt(lambda: os.environ.get("WANDB_RESUME"), WANDB_RUN_ID="mine") is None
    assert not (tmp_path / "run" / WANDB_ID).exists()


def test_a_resumed_run_goes_on_in_the_same_wandb_run(attempt, tmp_path):
    import wandb
    from verl.utils.tracking import Tracking

    def train(first, last):
        def does():
            tracking = Tracking("project", "name", ["wandb"], config={"trainer": {}})
            run = wandb.run.id
            for step in range(first, last + 1):
                tracking.log({"loss": step / 10}, step=step)
            tracking.finish()
            return run

        return does

    ids = [attempt(train(1, 5), WANDB_MODE="offline")]
    time.sleep(1.1)  # W&B names a folder by the second
    ids += [attempt(train(4, 8), WANDB_MODE="offline")]
    assert ids == [(tmp_path / "run" / WANDB_ID).read_text()] * 2
    folders = sorted((tmp_path / "run/wandb").glob("offline-run-*"))
    assert [folder.name.rpartition("-")[2] for folder in folders] == ids
    for folder, last in zip(folders, (b"0.5", b"0.8"), strict=True):
        (file,) = folder.glob("run-*.wandb")
        written = file.read_bytes()
        assert b"loss" in written
        assert last in written


def test_tensorboard_draws_one_curve(attempt, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from verl.utils.tracking import Tracking

    def train(resumed_from, last, loss):
        def does():
            tracking = Tracking("project", "name", ["tensorboard"])
            continue_tensorboard(tracking.logger, resumed_from)
            for step in range(resumed_from + 1, last + 1):
                tracking.log({"loss": loss}, step=step)
            tracking.finish()

        return does

    def curve():
        events = EventAccumulator(str(tmp_path / "run/tensorboard"), size_guidance={"scalars": 0})
        events.Reload()
        return [(event.step, event.value) for event in events.Scalars("loss")]

    attempt(train(0, 9, 1.0))
    attempt(train(6, 8, 2.0))
    attempt(train(7, 10, 3.0))
    assert curve() == [(step, 1.0) for step in range(1, 7)] + [(7, 2.0)] + [(step, 3.0) for step in (8, 9, 10)]
    attempt(train(0, 2, 4.0))  # begun anew: nothing was saved, or it was removed
    assert curve() == [(1, 4.0), (2, 4.0)]


def test_nothing_is_made_for_trackers_that_are_not_used(tmp_path):
    trainer = {"default_local_dir": f"{tmp_path}/run", "logger": ["console"], "resume_mode": "auto"}
    with patch.dict(os.environ):
        for name in VARIABLES:
            os.environ.pop(name, None)
        keep_trackers(OmegaConf.create({"trainer": trainer}))
        assert not set(VARIABLES) & os.environ.keys()
    continue_tensorboard({"console": None}, 3)
