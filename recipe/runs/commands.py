"""A method's two commands, `python -m <package>.main` and `python -m <package>.preflight`."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import hydra
from omegaconf import DictConfig

from recipe.runs import search_path
from recipe.token_level.method import Method


def training_command(method: Method) -> Callable[[], None]:
    """Compose `config/<name>_trainer.yaml` of the method's package with the command line, then train."""
    from recipe.runs.launch import launch

    return _command(method, "main", launch)


def preflight_command(method: Method) -> Callable[[], None]:
    """Compose the same config, then look whether a run could train with it."""
    from recipe.runs.preflight.run import preflight

    return _command(method, "preflight", preflight)


def _command(method: Method, module: str, run: Callable[[DictConfig, Method], None]) -> Callable[[], None]:
    def command(config):
        run(config, method)

    command.__module__ = f"{method.package}.{module}"  # Hydra names the job, and its log, after it
    search_path.register()
    folder = Path(find_spec(method.package).submodule_search_locations[0]) / "config"
    return hydra.main(config_path=str(folder), config_name=f"{method.name}_trainer", version_base=None)(command)
