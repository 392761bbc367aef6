"""Modules of ours that every process of a run which imports verl loads, by verl's variable VERL_USE_EXTERNAL_MODULES."""

from __future__ import annotations

from omegaconf import DictConfig, open_dict


def load_everywhere(config: DictConfig, module: str, **variables: str) -> None:
    """Add the module after those there are, and these variables, to the environment of the run's workers."""
    with open_dict(config):
        runtime_env = config.ray_kwargs.ray_init.runtime_env
        before = runtime_env.get("env_vars") or {}
        names = [name for name in str(before.get("VERL_USE_EXTERNAL_MODULES", "")).split(",") if name and name != module]
        runtime_env.env_vars = {**before, **variables, "VERL_USE_EXTERNAL_MODULES": ",".join([*names, module])}
