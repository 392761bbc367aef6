"""The environment that the entry point gives to the driver and to Ray's workers."""

import os
from unittest.mock import patch

import pytest

from recipe.runs.settle import apply_environment

GIVEN = ("actor_rollout_ref.model.path=org/model", "data.train_files=train.parquet", "data.val_files=val.parquet")
AUTH = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")


@pytest.fixture(autouse=True)
def clean_environment():
    """Start without what conftest sets, and undo whatever a test sets."""
    with patch.dict(os.environ):
        for name in ("VERL_PLATFORM", "VERL_USE_EXTERNAL_MODULES", "RAY_ADDRESS", "RAY_OVERRIDE_JOB_RUNTIME_ENV", *AUTH):
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


@pytest.mark.parametrize(("address", "override"), [("10.0.0.1:6379", ()), ("", ("+ray_kwargs.ray_init.address=auto",))])
def test_a_running_cluster_is_not_told_its_resources(compose, address, override):
    os.environ["RAY_ADDRESS"] = address
    config = compose(*GIVEN, "+platform=cpu", *override)
    apply_environment(config, "recipe.htpo.plugin")
    assert {"num_cpus", "num_gpus", "include_dashboard"}.isdisjoint(config.ray_kwargs.ray_init)
    assert os.environ["RAY_ADDRESS"] == address


def test_resources_mean_a_cluster_of_its_own(compose):
    config = compose(*GIVEN, "+platform=cpu")
    apply_environment(config, "recipe.htpo.plugin")
    assert os.environ["RAY_ADDRESS"] == "local"
    assert config.ray_kwargs.ray_init.num_gpus == 1


def auth() -> dict[str, str]:
    return {name: os.environ[name] for name in AUTH if name in os.environ}


def test_a_cluster_of_its_own_has_a_token_of_its_own_that_no_config_shows(compose):
    config = compose(*GIVEN, "+platform=cpu")
    apply_environment(config, "recipe.htpo.plugin")
    assert auth()["RAY_AUTH_MODE"] == "token"
    assert len(auth()["RAY_AUTH_TOKEN"]) == 64
    assert auth()["RAY_AUTH_TOKEN"] not in str(config)
    first = auth()
    apply_environment(config, "recipe.htpo.plugin")  # the preflight's part of the same start
    assert auth() == first


@pytest.mark.parametrize("own", [{"RAY_AUTH_MODE": "disabled"}, {"RAY_AUTH_TOKEN": "mine"}, {"RAY_AUTH_TOKEN_PATH": "/mine"}])
def test_what_the_user_has_chosen_for_the_token_stays(compose, own):
    os.environ.update(own)
    apply_environment(compose(*GIVEN, "+platform=cpu"), "recipe.htpo.plugin")
    assert auth() == {"RAY_AUTH_MODE": "token"} | own


@pytest.mark.parametrize("address", ["10.0.0.1:6379", None])
def test_a_cluster_that_is_joined_or_may_be_keeps_its_token(compose, address):
    if address:
        os.environ["RAY_ADDRESS"] = address
    apply_environment(compose(*GIVEN), "recipe.htpo.plugin")
    assert auth() == {}


def test_a_submitted_job_may_bring_the_same_variables(compose):
    from ray.runtime_env.runtime_env import _merge_runtime_env

    config = compose(*GIVEN, "+platform=cpu")
    apply_environment(config, "recipe.htpo.plugin")
    job = {"working_dir": "gcs://x.zip", "env_vars": {"VERL_USE_EXTERNAL_MODULES": "recipe.htpo.plugin"}}
    mine = {"env_vars": dict(config.ray_kwargs.ray_init.runtime_env.env_vars)}
    assert _merge_runtime_env(job, mine) is None  # what Ray does by default
    merged = _merge_runtime_env(job, mine, override=os.environ["RAY_OVERRIDE_JOB_RUNTIME_ENV"] == "1")
    assert merged["working_dir"] == "gcs://x.zip"
    assert merged["env_vars"] == mine["env_vars"]


def test_an_error_of_a_worker_ends_in_its_traceback_and_then_its_sentence(compose, monkeypatch, capsys):
    import verl.trainer.main_ppo
    from ray.exceptions import RayTaskError

    from recipe.htpo.method import HTPO
    from recipe.runs import launch

    def run_ppo(*_, **__):
        in_worker = RayTaskError("loss", "Traceback: in the worker", ValueError("the entropy of row 3 is not finite"))
        raise RayTaskError("run", "Traceback: in the task runner", in_worker)

    monkeypatch.setattr(launch, "_prepare", lambda *_: None)
    monkeypatch.setattr(verl.trainer.main_ppo, "run_ppo", run_ppo)
    with pytest.raises(SystemExit) as stop:
        launch.launch(compose(*GIVEN), HTPO)
    assert stop.value.code == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1] == "error: the entropy of row 3 is not finite"
    assert any("in the task runner" in line for line in lines[:-1])
