"""A trainer that stops, resumes and is watched, with a stand-in for verl's half of it."""

from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf
from verl.trainer.ppo.v1.trainer_base import PPOTrainer

from recipe.runs.checkpoints import problem
from recipe.runs.recovery import RecoverableTrainer
from recipe.runs.watched import WatchedTrainer


class Trainer(WatchedTrainer, RecoverableTrainer):
    on_sample_end = None  # of one of verl's three trainers


@pytest.fixture
def trainer(monkeypatch, tmp_path):
    """A trainer at step 3; `done` lists what verl's half was asked to do."""
    done = []
    build = object.__new__(Trainer)
    folder = tmp_path / "run/global_step_3"

    def save(self):
        done.append(("save", problem(folder, is_tracked=True)))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.pt").write_bytes(b"xy")
        (tmp_path / "run/latest_checkpointed_iteration.txt").write_text("3")
        self.checkpoint_callback.on_save(global_step=3)

    def says(name, result=None):
        return lambda self, *_: done.append(name) or result

    monkeypatch.setattr(PPOTrainer, "_save_checkpoint", save)
    for name in ("on_step_begin", "on_step_end", "on_init_end", "fit", "_load_checkpoint"):
        monkeypatch.setattr(PPOTrainer, name, says(name))
    monkeypatch.setattr(PPOTrainer, "_validate", says("_validate", {"val": 1.0}))
    monkeypatch.setattr(PPOTrainer, "__init__", lambda self, config: setattr(self, "config", config))
    build.trainer_mode = "sync"
    build.checkpoint_callback = SimpleNamespace(on_save=lambda **call: done.append(("on_save", call, problem(folder, True))))
    settings = {"default_local_dir": str(tmp_path / "run"), "resume_mode": "auto", "resume_from_path": None}
    config = {"trainer": settings, "actor_rollout_ref": {"actor": {}}}
    build.__init__(OmegaConf.create(config))
    build.global_steps, build.total_training_steps, build.timing_raw = 3, 10, {}
    build.done, build.folder = done, folder
    return build
