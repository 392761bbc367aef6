"""A YAML file that the user names on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recipe.files.plain_yaml import read_plain
from recipe.text.visible import one_line


def read_mapping(option: str, file: Path, such_as: str) -> dict[str, Any]:
    """What is in the file; empty if nothing is. ValueError, one sentence with what it should be like, for anything else."""
    try:
        found = read_plain(file)
    except OSError as error:
        raise ValueError(f"{option} {file} cannot be read ({one_line(error)}); it is {such_as}") from None
    except ValueError as error:
        raise ValueError(f"{option} {file} {error}") from None
    if not isinstance(found, dict | None):
        raise ValueError(f"{option} {file} is no mapping; it is {such_as}")
    return found or {}
