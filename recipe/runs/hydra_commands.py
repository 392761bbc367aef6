"""What every command of Hydra's does around its work: no secret comes in, and what Hydra writes down is its owner's alone."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from recipe.runs.secret_checks import check_config, check_overrides
from recipe.runs.value_checks import leaves
from recipe.text.visible import make_warnings_visible


def before_composing(arguments: list[str]) -> None:
    """Look at the command line before Hydra writes it down; end with status 2 if there is a secret in it."""
    make_warnings_visible()
    try:
        check_overrides(arguments)
    except ValueError as error:
        _end(error)


def after_composing(config: DictConfig) -> None:
    """Close the folder that Hydra has just written to others, or remove it and end with status 2 for a config with a secret."""
    folder = _folder()
    if folder:
        try:
            folder.chmod(0o700)
            for file in folder.iterdir():
                file.chmod(0o600)
        except OSError as error:
            print(f"warning: {folder}, the run's config, cannot be kept from others: {error}", file=sys.stderr, flush=True)
    try:
        refuse_secrets(config)
    except ValueError as error:
        if folder:
            shutil.rmtree(folder, ignore_errors=True)
        _end(error)


def refuse_secrets(config: DictConfig) -> None:
    """ValueError for a secret that a preset or a file of one's own brings, or that a reference stands for."""
    check_config(leaves(OmegaConf.to_container(config)))
    try:
        resolved = OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException:
        return  # a broken reference, which another check names
    check_config(leaves(resolved))


def _folder() -> Path | None:
    hydra = HydraConfig.get()
    if hydra.output_subdir is None or not hydra.runtime.output_dir:
        return None
    folder = Path(hydra.runtime.output_dir) / hydra.output_subdir
    return folder if folder.is_dir() else None


def _end(error: ValueError) -> None:
    from recipe.runs.launch import end

    end(error, status=2)
