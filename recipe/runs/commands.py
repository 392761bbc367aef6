"""A method's two commands, `python -m <package>.main` and `python -m <package>.preflight`."""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import hydra
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf

from recipe.runs import search_path
from recipe.runs.hydra_commands import after_composing, before_composing, refuse_secrets
from recipe.runs.secret_checks import check_overrides
from recipe.runs.value_checks import leaves
from recipe.text.visible import one_line
from recipe.token_level.method import Method

_WITH_VALUE = (
    *("--config-path", "-cp", "--config-name", "-cn", "--config-dir", "-cd", "--package", "-p", "--experimental-rerun"),
    *("--cfg", "-c", "--info", "-i"),
)
_TRACEBACKS = "HYDRA_FULL_ERROR"  # with it Hydra lets an exception through, which it would print itself, in many lines


def training_command(method: Method) -> Callable[[], None]:
    """Compose `config/<name>_trainer.yaml` of the method's package with the command line, then train."""
    from recipe.runs.launch import launch

    return _command(method, "main", launch)


def preflight_command(method: Method) -> Callable[[], None]:
    """Compose the same config, then look whether a run could train with it."""
    from recipe.runs.preflight.run import preflight

    return _command(method, "preflight", preflight)


def compose(method: Method, overrides: list[str]) -> DictConfig:
    """What the method's commands compose of these overrides. ValueError with the sentence with which they would end."""
    check_overrides(overrides)
    search_path.register()
    GlobalHydra.instance().clear()
    try:
        with hydra.initialize_config_dir(config_dir=str(_folder(method)), version_base=None):
            config = hydra.compose(_name(method), overrides=overrides)
    except Exception as error:
        raise ValueError(_sentence(error, method)) from None
    refuse_secrets(config)
    return config


def _command(method: Method, module: str, run: Callable[[DictConfig, Method], None]) -> Callable[[], None]:
    composed = False

    def command(config):
        nonlocal composed
        composed = True
        os.environ.pop(_TRACEBACKS)  # or all workers inherit it
        after_composing(config)
        run(config, method)

    command.__module__ = f"{method.package}.{module}"  # Hydra names the job, and its log, after it
    search_path.register()
    composes_and_runs = hydra.main(config_path=str(_folder(method)), config_name=_name(method), version_base=None)(command)

    def main():
        from recipe.runs.launch import end

        os.environ[_TRACEBACKS] = "1"
        sys.argv[1:] = options_first(sys.argv[1:])
        before_composing(sys.argv[1:])
        try:
            composes_and_runs()
        except Exception as error:
            if composed:
                raise
            end(_sentence(error, method), status=2)

    return main


def options_first(arguments: list[str]) -> list[str]:
    """Hydra's options, then the overrides, which it takes in one piece only; train.sbatch puts some before the user's."""
    options, overrides, rest = [], [], iter(arguments)
    for argument in rest:
        (options if argument.startswith("-") else overrides).append(argument)
        if argument in _WITH_VALUE:
            options.extend(value for value in [next(rest, None)] if value is not None)
    return options + overrides


def _folder(method: Method) -> Path:
    return Path(find_spec(method.package).submodule_search_locations[0]) / "config"


def _name(method: Method) -> str:
    return f"{method.name}_trainer"


def _sentence(error: Exception, method: Method) -> str:
    """What is wrong with the command line: an override that does not parse, an unknown key, a preset that does not exist."""
    text = one_line(error)
    if unknown := re.match(r"Could not override '([^']+)'", text):
        near = difflib.get_close_matches(unknown[1], _keys(method), n=1)
        mean = f"; did you mean {near[0]}?" if near else "; a new key is added with + before it"
        return f"the config has no {unknown[1]}{mean}"
    if ambiguous := re.match(r"Could not append to config\. An item is already at '([^']+)'", text):
        return f"{ambiguous[1]} is in the config already; leave out the + before it"
    if absent := re.search(r"Could not find '([^']+)/([^'/]+)' Available options in '[^']+': (.*?) Config search path", text):
        return f"there is no {absent[1]}={absent[2]}; {absent[1]} is one of {', '.join(absent[3].split())}"
    return f"the command line cannot be understood: {text.removesuffix('.')}"


def _keys(method: Method) -> list[str]:
    """All keys of the method's config as it is shipped."""
    GlobalHydra.instance().clear()
    with hydra.initialize_config_dir(config_dir=str(_folder(method)), version_base=None):
        return [key for key, _ in leaves(OmegaConf.to_container(hydra.compose(_name(method))))]
