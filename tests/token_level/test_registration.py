"""Registration with verl: found through both ways of loading a plugin, and loud when it fails."""

import importlib
import os
import subprocess
import sys
import textwrap
from importlib.metadata import entry_points
from pathlib import Path

import pandas as pd
import pytest

from recipe.hapo.method import HAPO
from recipe.htpo.method import HTPO
from recipe.token_level.method import require_registered
from tests import ROOT


def run(code, tmp_path, *flags, **environment):
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "VERL_PLATFORM": "cpu", "PYTHONPATH": str(ROOT)} | environment
    command = [sys.executable, *flags, "-W", "ignore", "-c", textwrap.dedent(code)]
    return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)


PRINT_LOSS = """
    import verl
    from verl.trainer.ppo.core_algos import POLICY_LOSS_REGISTRY
    print("registered", {"htpo", "hapo"} <= set(POLICY_LOSS_REGISTRY))
"""


@pytest.mark.slow
def test_registered_as_an_installed_plugin(tmp_path):
    for name in ("htpo", "hapo"):
        assert [e.value for e in entry_points(group="verl.plugins", name=name)] == [f"recipe.{name}.plugin"]
    assert "registered True" in run(PRINT_LOSS, tmp_path, VERL_USE_EXTERNAL_MODULES="verl_patches.cpu").stdout


@pytest.mark.slow
def test_registered_without_being_installed(tmp_path):
    # -S: no .pth file is read, so that the editable installation is invisible and only the path leads to the repository.
    paths = {"PYTHONPATH": f"{ROOT}:{Path(pytest.__file__).parents[1]}", "VERL_USE_EXTERNAL_PLUGINS": "none"}
    result = run(
        PRINT_LOSS, tmp_path, "-S", VERL_USE_EXTERNAL_MODULES="verl_patches.cpu,recipe.htpo.plugin,recipe.hapo.plugin", **paths
    )
    assert "registered True" in result.stdout, result.stderr
    result = run(PRINT_LOSS, tmp_path, "-S", VERL_USE_EXTERNAL_MODULES="verl_patches.cpu", **paths)
    assert "registered False" in result.stdout, result.stderr


@pytest.mark.parametrize("recipe", ["htpo", "hapo"])
@pytest.mark.parametrize("mode", ["sync", "colocate_async", "separate_async"])
def test_the_trainers_are_registered(recipe, mode):
    from verl.trainer.ppo.v1 import get_trainer_cls

    importlib.import_module(f"recipe.{recipe}.trainer")
    trainer = get_trainer_cls(f"{recipe}_{mode}")
    assert trainer.base_mode == mode
    assert issubclass(trainer, get_trainer_cls(mode))


def test_a_missing_registration_stops_the_start(monkeypatch):
    from verl.trainer.ppo import core_algos

    require_registered(HTPO)
    require_registered(HAPO)
    monkeypatch.delitem(core_algos.POLICY_LOSS_REGISTRY, "htpo")
    with pytest.raises(RuntimeError, match="verl has no policy loss named 'htpo'"):
        require_registered(HTPO)


def test_a_trainer_does_not_start_without_its_plugins_entries(monkeypatch):
    from verl.trainer.ppo import core_algos

    from recipe.token_level.trainer import TokenLevelTrainer

    monkeypatch.delitem(core_algos.ADV_ESTIMATOR_REGISTRY, "htpo")
    members = {"method": HTPO, "base_mode": "sync", "on_sample_end": None, "on_step_end": None}
    trainer = object.__new__(type("T", (TokenLevelTrainer,), members))
    with pytest.raises(RuntimeError, match="verl has no advantage estimator named 'htpo'"):
        trainer.__init__(None)


def test_another_plugin_under_the_same_name_stops_the_start(monkeypatch):
    from verl.trainer.ppo import core_algos

    monkeypatch.setitem(core_algos.ADV_ESTIMATOR_REGISTRY, "htpo", lambda **_: None)
    with pytest.raises(RuntimeError, match=r"comes from tests\.token_level\.test_registration, not from recipe\.htpo\.plugin"):
        require_registered(HTPO)


@pytest.mark.slow
def test_a_plugin_that_cannot_be_imported_stops_the_start(tmp_path):
    # As an entry point it would fail silently: verl logs that at DEBUG and trains on with whatever it has.
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['recipe.htpo.plugin'] = None")
    paths = f"{tmp_path}:{ROOT}"
    silent = run(PRINT_LOSS, tmp_path, PYTHONPATH=paths, VERL_USE_EXTERNAL_MODULES="verl_patches.cpu")
    assert "registered False" in silent.stdout

    overrides = ["+platform=cpu", "actor_rollout_ref.model.path=org/model", f"hydra.run.dir={tmp_path}"]
    for split in ("train", "val"):
        pd.DataFrame([{"data_source": "", "prompt": [], "reward_model": {"ground_truth": ""}}]).to_parquet(tmp_path / split)
        overrides.append(f"data.{split}_files={tmp_path / split}")
    command = [sys.executable, "-m", "recipe.htpo.main", *overrides]
    env = os.environ | {"PYTHONPATH": paths}
    result = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)
    assert result.returncode != 0
    assert "recipe.htpo.plugin" in result.stderr
    assert "Started a local Ray instance" not in result.stderr + result.stdout
