"""The environment that the entry point gives to the driver and to Ray's workers."""

import os
from unittest.mock import patch

import pytest

from recipe.token_level.launch import apply_environment

GIVEN = ("actor_rollout_ref.model.path=org/model", "data.train_files=train.parquet", "data.val_files=val.parquet")


@pytest.fixture(autouse=True)
def clean_environment():
    """Start without what conftest sets, and undo whatever a test sets."""
    with patch.dict(os.environ):
        for name in ("VERL_PLATFORM", "VERL_USE_EXTERNAL_MODULES", "RAY_ADDRESS", "OMP_NUM_THREADS"):
            os.environ.pop(name, None)
        yield


def test_on_a_gpu_machine_only_the_plugin_is_added(compose):
    config = compose(*GIVEN)
    apply_environment(config, "recipe.htpo.plugin")
    assert config.ray_kwargs.ray_init.runtime_env.env_vars == {"VERL_USE_EXTERNAL_MODULES": "recipe.htpo.plugin"}
    assert os.environ["VERL_USE_EXTERNAL_MODULES"] == "recipe.htpo.plugin"
    assert "VERL_PLATFORM" not in os.environ


def test_the_cpu_platform_carries_its_variables_to_driver_and_workers(compose):
    config = compose(*GIVEN, "+platform=cpu", "trainer.n_gpus_per_node=2")
    apply_environment(config, "recipe.htpo.plugin")
    variables = config.ray_kwargs.ray_init.runtime_env.env_vars
    assert variables["VERL_USE_EXTERNAL_MODULES"] == "verl_patches.cpu,recipe.htpo.plugin"
    assert variables["VERL_PLATFORM"] == "cpu"
    assert all(os.environ[name] == value for name, value in variables.items())
    assert config.ray_kwargs.ray_init.num_gpus == 2


def test_modules_of_the_user_stay_first_and_none_comes_twice(compose):
    os.environ["VERL_USE_EXTERNAL_MODULES"] = "mine,recipe.htpo.plugin"
    apply_environment(compose(*GIVEN, "+platform=cpu"), "recipe.htpo.plugin")
    assert os.environ["VERL_USE_EXTERNAL_MODULES"] == "mine,recipe.htpo.plugin,verl_patches.cpu"


def test_a_running_cluster_is_not_told_its_resources(compose):
    os.environ["RAY_ADDRESS"] = "10.0.0.1:6379"
    config = compose(*GIVEN, "+platform=cpu")
    apply_environment(config, "recipe.htpo.plugin")
    assert {"num_cpus", "num_gpus", "include_dashboard"}.isdisjoint(config.ray_kwargs.ray_init)
