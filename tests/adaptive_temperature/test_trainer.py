"""The ways of the entropy statistics that need no run: which batches the manager marks, what a checkpoint gives back."""

import importlib
import json
import warnings
from dataclasses import asdict
from types import SimpleNamespace

import pytest
import torch
from omegaconf import OmegaConf
from tensordict import TensorDict
from verl.trainer.ppo.v1 import agent_loop_tq, get_trainer_cls
from verl.trainer.ppo.v1.trainer_base import PPOTrainer
from verl.utils import tensordict_utils as tu

from recipe.adaptive_temperature.rollout import AdaptiveTemperatureManager
from recipe.adaptive_temperature.settings import AdaptiveTemperatureConfig
from recipe.adaptive_temperature.temperature import request_parameters
from recipe.hapo import EntropyStatistics
from recipe.runs.digests import DigestsLater
from recipe.token_level.trainer import TokenLevelTrainer

STATISTICS = EntropyStatistics(center=-1.0, std=2.0, max=0.5, min=-1.5)
PARAMETERS = request_parameters(STATISTICS, 0.05)


@pytest.fixture
def manager(monkeypatch):
    """A manager of two workers; `sent` holds the chunks they got."""
    monkeypatch.setattr(agent_loop_tq.ray, "get", lambda results: results)
    manager = object.__new__(AdaptiveTemperatureManager)
    manager.sent = []
    worker = SimpleNamespace(generate_sequences=SimpleNamespace(remote=manager.sent.append))
    manager.agent_loop_workers = [worker, worker]
    return manager


def batch(**fields):
    prompts = TensorDict({"index": torch.arange(4)}, batch_size=4)
    for name, value in fields.items():
        tu.assign_non_tensor_data(prompts, name, value)
    return prompts


def carried(manager):
    return [tu.get_non_tensor_data(chunk, "adaptive_temperature", None) for chunk in manager.sent]


def test_before_the_first_step_no_batch_carries_anything(manager):
    manager.generate_sequences(batch())
    assert carried(manager) == [None, None]


def test_every_worker_gets_the_parameters_but_not_for_validation(manager):
    manager.parameters = PARAMETERS
    manager.generate_sequences(batch(global_steps=3))
    assert carried(manager) == [PARAMETERS, PARAMETERS]
    manager.sent.clear()
    manager.generate_sequences(batch(validate=True))
    assert carried(manager) == [None, None]
    manager.sent.clear()
    manager.generate_sequences(batch(validate=False))
    assert carried(manager) == [PARAMETERS, PARAMETERS]


def test_prompts_that_are_issued_again_get_the_latest_parameters(manager):
    manager.parameters = PARAMETERS
    manager.generate_sequences(batch(adaptive_temperature={"tau": 0.9}))
    assert carried(manager) == [PARAMETERS, PARAMETERS]


@pytest.fixture
def trainer(monkeypatch, tmp_path):
    """A trainer without its verl half, at step 2, whose checkpoints lie in tmp_path."""
    importlib.import_module("recipe.hapo.trainer")  # first: the contract looks at what is replaced here
    monkeypatch.setattr(PPOTrainer, "_load_checkpoint", lambda self: setattr(self, "global_steps", 2))
    monkeypatch.setattr(PPOTrainer, "_save_checkpoint", lambda self: (tmp_path / "global_step_2").mkdir(exist_ok=True))
    monkeypatch.setattr(PPOTrainer, "fit", lambda self, manager: None)
    monkeypatch.setattr(TokenLevelTrainer, "load", lambda self: super(TokenLevelTrainer, self).load())  # without its ranks
    monkeypatch.setattr("recipe.runs.trainer.keep_settings", lambda *_: None)  # of a whole config
    trainer = object.__new__(get_trainer_cls("hapo_sync"))
    settings = {"default_local_dir": str(tmp_path), "resume_mode": "auto", "val_only": True, "logger": []}
    trainer.config = OmegaConf.create({"trainer": settings, "actor_rollout_ref": {"actor": {}}})
    trainer.sampling, trainer.entropy_statistics, trainer.global_steps = AdaptiveTemperatureConfig(enabled=True), None, 2
    trainer.trainer_mode, trainer.checkpoint_callback, trainer.digests = "sync", None, DigestsLater()
    return trainer


def test_a_checkpoint_gives_back_what_was_saved_and_the_first_prompts_carry_it(trainer, tmp_path):
    trainer.entropy_statistics = STATISTICS
    trainer.save()
    assert json.loads((tmp_path / "global_step_2/entropy_statistics.json").read_text()) == asdict(STATISTICS)
    trainer.entropy_statistics = None
    trainer.load()
    assert trainer.entropy_statistics == STATISTICS
    manager = SimpleNamespace(parameters=None)
    trainer.fit(manager)
    assert manager.parameters == PARAMETERS


def test_verl_saves_its_half_after_the_statistics(trainer, tmp_path, monkeypatch):
    there = []
    monkeypatch.setattr(
        PPOTrainer, "_save_checkpoint", lambda self: there.append((tmp_path / "global_step_2/entropy_statistics.json").exists())
    )
    trainer.entropy_statistics = STATISTICS
    trainer._save_checkpoint()
    assert there == [True]


def test_a_run_that_begins_has_no_statistics_to_miss(trainer, monkeypatch):
    monkeypatch.setattr(PPOTrainer, "_load_checkpoint", lambda self: setattr(self, "global_steps", 0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trainer._load_checkpoint()
    assert trainer.entropy_statistics is None


def test_a_path_to_resume_from_is_where_the_statistics_are_read(trainer, tmp_path):
    other = tmp_path / "elsewhere/global_step_2"
    other.mkdir(parents=True)
    (other / "entropy_statistics.json").write_text(json.dumps(asdict(STATISTICS)))
    trainer.config.trainer.update(resume_mode="resume_path", resume_from_path=str(other))
    trainer.load()
    assert trainer.entropy_statistics == STATISTICS


def test_a_checkpoint_without_statistics_warns_and_one_with_others_is_an_error(trainer, tmp_path):
    with pytest.warns(UserWarning, match="first step samples at plain temperature"):
        trainer.load()
    assert trainer.entropy_statistics is None
    (tmp_path / "global_step_2").mkdir()
    (tmp_path / "latest_checkpointed_iteration.txt").write_text("2")
    for text in ("{", "[1]", '{"center": NaN}', '{"median": 1.0}'):
        (tmp_path / "global_step_2/entropy_statistics.json").write_text(text)
        with pytest.raises(ValueError, match=r"does not hold entropy statistics .*; remove it"):
            trainer.load()


def test_without_adaptive_temperatures_nothing_is_saved_or_sent(trainer, tmp_path):
    trainer.sampling, trainer.entropy_statistics = None, STATISTICS
    trainer.save()
    trainer.load()
    manager = SimpleNamespace(parameters=None)
    trainer.fit(manager)
    assert manager.parameters is None
    assert not list(tmp_path.rglob("entropy_statistics.json"))
