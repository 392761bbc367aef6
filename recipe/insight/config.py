"""The configuration of runs, as Hydra left it in their folders, and what differs between them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recipe.files.plain_yaml import read_plain
from recipe.text.secret import masked, masked_value

FOLDERS = ("hydra/.hydra", ".hydra")


@dataclass(frozen=True)
class Config:
    """overrides: as given on the command line. values: dotted key -> value as text, interpolations unresolved.

    Secrets in both are masked: the page is made to be sent around.
    """

    overrides: list[str]
    values: dict[str, str]


def read_config(folder: Path) -> Config | None:
    """None if the run has no config. ValueError for one that cannot be read, with file and line."""
    place = next((folder / name for name in FOLDERS if (folder / name / "config.yaml").is_file()), None)
    if place is None:
        return None
    overrides = place / "overrides.yaml"
    given = _load(overrides, list) if overrides.is_file() else []
    values = flatten(_load(place / "config.yaml", dict))
    return Config([masked(str(x)) for x in given], {masked(key): masked_value(key, value) for key, value in values.items()})


def _load(path: Path, kind: type) -> Any:
    try:
        content = read_plain(path)
    except ValueError as error:
        raise ValueError(f"{path} {error}; restore it, or remove it to have the page without it") from None
    if not isinstance(content, kind):
        raise ValueError(f"{path} is not a YAML {'list' if kind is list else 'mapping'}; is it Hydra's?")
    return content


def flatten(config: dict, prefix: str = "") -> dict[str, str]:
    """{"a": {"b": [1]}} -> {"a.b": "[1]"}. Empty mappings are kept as values."""
    flat: dict[str, str] = {}
    for key, value in config.items():
        if isinstance(value, dict) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return flat


def compare(configs: list[Config | None]) -> list[dict[str, Any]]:
    """One row a key, those that differ first: {"key", "values": text or None of each run, "differs"}.

    Runs without a config count in no comparison.
    """
    known = [config for config in configs if config]
    keys = dict.fromkeys(key for config in known for key in config.values)
    rows = [
        {
            "key": key,
            "values": [config.values.get(key) if config else None for config in configs],
            "differs": len({config.values.get(key) for config in known}) > 1,
        }
        for key in keys
    ]
    return sorted(rows, key=lambda row: not row["differs"])
