"""Checks of what a run finds around it: variables, the Ray cluster's address, modules, the folder for checkpoints."""

from __future__ import annotations

import os
import re
import socket
from importlib.util import find_spec

from omegaconf import DictConfig

_ADDRESS = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^:/\s]+):(?P<port>\d{1,5})")
_CONNECT_S = 10.0
_WANDB_MODES = ("online", "offline", "disabled", "shared", "dryrun")


def check_environment(config: DictConfig) -> None:
    """Raise ValueError for the first thing that would end the run later. Call when the config's variables are set."""
    _check_ray_address(config)
    for name in filter(None, os.environ.get("VERL_USE_EXTERNAL_MODULES", "").split(",")):
        if not _can_be_found(name.strip()):
            raise ValueError(
                f"VERL_USE_EXTERNAL_MODULES names {name}, which Python does not find; install it, or start where it is"
            )
    if "wandb" in config.trainer.logger and (mode := os.environ.get("WANDB_MODE")) not in (None, "", *_WANDB_MODES):
        raise ValueError(f"WANDB_MODE is {mode!r}; it must be one of {', '.join(_WANDB_MODES)}")
    metrics = os.environ.get("VERL_FILE_LOGGER_PATH")
    if "file" in config.trainer.logger and metrics and not os.path.isdir(os.path.dirname(os.path.abspath(metrics))):
        raise ValueError(f"VERL_FILE_LOGGER_PATH is {metrics}, whose folder does not exist; make it, or unset the variable")
    _check_folder("trainer.default_local_dir", config.trainer.default_local_dir)


def existing_parent(path: str) -> str:
    """The path, or the nearest folder above it that exists."""
    path = os.path.abspath(path)
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def _check_ray_address(config: DictConfig) -> None:
    where, given = "RAY_ADDRESS", os.environ.get("RAY_ADDRESS")
    if not given:
        where, given = "ray_kwargs.ray_init.address", config.ray_kwargs.ray_init.get("address")
    if not given or given in ("auto", "local") or "://" in str(given):
        return
    found = _ADDRESS.fullmatch(str(given))
    if not found or not 0 < int(found["port"]) < 65536:
        raise ValueError(f"{where} is {given!r}; it must be HOST:PORT of a Ray head, auto or local")
    try:
        socket.create_connection((found["host"].strip("[]"), int(found["port"])), timeout=_CONNECT_S).close()
    except OSError as error:
        raise ValueError(
            f"{where} is {given}, where nothing answers ({error.strerror or error}); start Ray there (ray start --head), or "
            "unset it"
        ) from None


def _can_be_found(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _check_folder(key: str, path: str) -> None:
    parent = os.path.abspath(path)
    while not os.path.lexists(parent):
        parent = os.path.dirname(parent)
    if not os.path.isdir(parent):
        raise ValueError(f"{key} is {path}, but {parent} is a file; choose another folder")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise ValueError(f"{key} is {path}, and nobody may write into {parent} as this user; choose another folder")
