"""What comes before all checks of a composed config, for the launcher and the preflight."""

from __future__ import annotations

import os
import secrets

from omegaconf import DictConfig, open_dict

from recipe.runs.paths import resolve_paths
from recipe.runs.value_checks import check_values
from recipe.runs.vllm_door import close_vllm
from recipe.token_level.method import Method
from verl_patches.queue_key import give_queue_key
from verl_patches.weight_socket import give_own_socket


def settle(config: DictConfig, method: Method) -> None:
    """What comes before all checks: values that have a meaning, absolute paths, the environment. ValueError if that fails."""
    check_values(config, method.name)
    resolve_paths(config)
    give_own_socket(config)
    give_queue_key(config)
    close_vllm(config)
    apply_environment(config, method.plugin)  # before verl is imported: it chooses its platform once


def apply_environment(config: DictConfig, plugin: str) -> None:
    """Give this process and, through Ray's runtime environment, every worker the same variables.

    They are the config's `ray_kwargs.ray_init.runtime_env.env_vars`, and `VERL_USE_EXTERNAL_MODULES` with the plugin added,
    so that workers load it without this project being installed.
    """
    runtime_env = config.ray_kwargs.ray_init.runtime_env
    variables = {key: str(value) for key, value in (runtime_env.get("env_vars") or {}).items()}
    modules = [os.environ.get("VERL_USE_EXTERNAL_MODULES", ""), variables.get("VERL_USE_EXTERNAL_MODULES", ""), plugin]
    names = dict.fromkeys(name for part in modules for name in part.split(",") if name)
    variables["VERL_USE_EXTERNAL_MODULES"] = ",".join(names)
    os.environ.update(variables)
    # A submitted job may bring some of these variables itself; Ray calls that a conflict unless the later value may win.
    os.environ.setdefault("RAY_OVERRIDE_JOB_RUNTIME_ENV", "1")
    ray_init = config.ray_kwargs.ray_init
    with open_dict(config):
        runtime_env.env_vars = variables
        if (os.environ.get("RAY_ADDRESS") or ray_init.get("address") or "local") != "local":
            # A running cluster has its resources already, and Ray refuses to be told otherwise.
            for key in ("num_cpus", "num_gpus", "include_dashboard"):
                ray_init.pop(key, None)
        elif ray_init.get("num_gpus") is not None:
            # Resources can only be given to a new cluster; without this, Ray would join one that happens to run here.
            os.environ["RAY_ADDRESS"] = "local"
    if os.environ.get("RAY_ADDRESS") == "local":
        guard_own_cluster()


def guard_own_cluster() -> None:
    """Give the cluster that this process is about to start a token of its own, unless the user has chosen.

    Ray's ports are open to the network, and whoever reaches them without a token may run code. The processes inherit it.
    """
    if not os.environ.get("RAY_AUTH_MODE"):
        os.environ["RAY_AUTH_MODE"] = "token"
        if not os.environ.get("RAY_AUTH_TOKEN_PATH"):
            os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
