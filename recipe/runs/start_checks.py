"""What must hold before Ray starts, as named checks in their order: the launcher stops at the first that fails.

The preflight runs the same checks and shows each as a row, so that it passes nothing that the launcher refuses.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from omegaconf import DictConfig

from recipe.runs.config_checks import check_run
from recipe.runs.data_checks import check_data
from recipe.runs.environment_checks import check_environment
from recipe.runs.input_checks import check_model, check_progress
from recipe.runs.reward_checks import check_reward
from recipe.runs.trained_with import check_settings
from recipe.token_level.method import Method, require_known_names, require_registered
from verl_patches.contract import check
from verl_patches.guard import ContractBroken


def checks_before_start(config: DictConfig, method: Method) -> dict[str, Callable[[], Any]]:
    """The checks by name; each raises ValueError with one sentence. They take what `settle` has left of a config."""
    return {
        "config": partial(check_run, config, method),
        "environment": partial(check_environment, config),
        "model path": partial(check_model, config),
        "data": partial(check_data, config),
        "objective": partial(check_settings, config, method),  # before resume, which may say to train for longer
        "resume": partial(check_progress, config),
        "plugin": partial(_require_names, config, method),
        "reward": partial(check_reward, config, method),
        "verl": partial(_check_verl, config),
    }


def _require_names(config: DictConfig, method: Method) -> None:
    try:
        check("driver")  # before a plugin, whose import may fail for the same reason
        check("plugin")
    except ContractBroken:
        raise
    except Exception as error:  # of a module of VERL_USE_EXTERNAL_MODULES, or of a platform
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise ValueError(f"verl cannot be imported: {reason}; look at the variables VERL_* in the environment") from None
    require_registered(method)
    require_known_names(config)
    _require_reward_manager(config)


def _require_reward_manager(config: DictConfig) -> None:
    """verl looks for it in a reward worker."""
    from verl.trainer.ppo.reward import resolve_reward_manager_cls

    manager = config.reward.reward_manager
    try:
        resolve_reward_manager_cls(config)
    except Exception as error:  # whatever the module of the user's own raises
        reason = " ".join(str(error).split())
        raise ValueError(
            f"reward.reward_manager.name is {manager.name!r}, which cannot be loaded ({manager.source}): {reason}"
        ) from None


def _check_verl(config: DictConfig) -> None:
    from hydra.errors import InstantiationException
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.utils.config import validate_config
    from verl.utils.device import auto_set_device

    auto_set_device(config)
    try:
        validate_config(config, use_reference_policy=need_reference_policy(config), use_critic=need_critic(config))
    except (AssertionError, InstantiationException) as error:
        raise ValueError(f"verl refuses the config: {' '.join(str(error).split())}") from None
