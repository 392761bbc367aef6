"""Refuse secrets where others can read them: the dashboard shows a job's entrypoint and runtime environment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recipe.runs.secret_checks import REMEDY
from recipe.text.secret import find_in_config

_FILES = ("pip", "uv", "conda")  # entries that may name a file, whose text Ray sends


def check_runtime_env(runtime_env: dict, source: object) -> None:
    """Refuse a runtime environment that carries a secret, anywhere in it or in a list of packages that it names."""
    if found := find_in_config([*_leaves(runtime_env, ""), *_named_files(runtime_env)], os.environ):
        key, what = found
        raise ValueError(f"{key} in {source} carries a secret ({what}), which the dashboard would show: {REMEDY}")


def _leaves(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _leaves(value, f"{path}.{key}".lstrip("."))
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _leaves(value, path)
    else:
        yield path, node


def _named_files(runtime_env: dict) -> Iterator[tuple[str, str]]:
    for key in _FILES:
        entry = runtime_env.get(key)
        name = entry.get("packages") if isinstance(entry, dict) else entry
        if isinstance(name, str) and (file := Path(name)).is_file():
            yield f"{key} ({file})", file.read_text(errors="replace")
