"""From a composed config to verl's driver: environment, checks, then `run_ppo`."""

from __future__ import annotations

import importlib
import os
import sys

from omegaconf import DictConfig, open_dict

from recipe.token_level.inputs import check_files, check_progress, check_reward
from recipe.token_level.method import Method, check_names, check_registered
from recipe.token_level.validate import check_run


def launch(config: DictConfig, method: Method) -> None:
    """Train. Exits with status 2 and one sentence on stderr if the config, the model or the data are wrong."""
    try:
        _prepare(config, method)
    except ValueError as error:
        _stop(error, status=2)

    import ray
    from verl.trainer.main_ppo import run_ppo

    try:
        run_ppo(config, task_runner_class=_task_runner(method))
    except ray.exceptions.RayTaskError as error:
        cause = error
        while isinstance(cause, ray.exceptions.RayTaskError):  # one for each actor between here and the error
            cause = cause.cause
        if isinstance(cause, ValueError):
            # Something a user can mend: its sentence comes last, after the traceback and the workers' output.
            ray.shutdown()
            print(error, file=sys.stderr)
            _stop(cause, status=1)
        raise


def _stop(error: Exception, status: int) -> None:
    print(f"\nerror: {error}", file=sys.stderr)
    raise SystemExit(status)


def _prepare(config: DictConfig, method: Method) -> None:
    apply_environment(config, method.plugin)  # before verl is imported: it chooses its platform once
    check_run(config, method)
    check_files(config)
    check_progress(config)

    from hydra.errors import InstantiationException
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.utils.config import validate_config
    from verl.utils.device import auto_set_device

    check_registered(method)
    check_names(config)
    check_reward(config, method)
    auto_set_device(config)
    try:
        validate_config(config, use_reference_policy=need_reference_policy(config), use_critic=need_critic(config))
    except (AssertionError, InstantiationException) as error:
        raise ValueError(f"verl refuses the config: {error}") from None
    with open_dict(config):
        mode = config.trainer.v1.trainer_mode.removeprefix(f"{method.name}_")
        config.trainer.v1.trainer_mode = f"{method.name}_{mode}"


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


def _task_runner(method: Method):
    """verl's task runner, which first registers the method's trainers in its own process."""
    import ray
    from verl.trainer.main_ppo import TaskRunnerV1

    class TokenLevelTaskRunner(TaskRunnerV1.__ray_actor_class__):
        def run(self, config):
            importlib.import_module(method.trainers)
            super().run(config)

    return ray.remote(TokenLevelTaskRunner)
