"""How many nodes with how many GPUs a run asks for, from its overrides and its preset, without verl and Hydra.

The command line is the last to say it, then the preset and those that it begins with. verl's own defaults are not looked up: a
run for a cluster of one's own says how large it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launch.recipes import package_of
from recipe.files.plain_yaml import read_plain

MODE, POOL = "trainer.v1.trainer_mode", "reward.reward_model.enable_resource_pool"


@dataclass(frozen=True)
class Group:
    """Pods that are alike, a node each."""

    name: str
    nodes: int
    gpus: int


def groups(recipe: str, overrides: Sequence[str], root: Path) -> list[Group]:
    """The worker groups, as verl's resource pools want them. ValueError for a size that nobody gives, or that is none."""
    values = preset_values(recipe, overrides, root) | given(overrides)
    found = [_group("trainer", "trainer", values)]
    if str(values.get(MODE, "")).endswith("separate_async"):
        found.append(_group("rollouts", "actor_rollout_ref.rollout", values))
    if str(values.get(POOL, False)).lower() == "true":
        found.append(_group("reward", "reward.reward_model", values))
    return found


def given(overrides: Sequence[str]) -> dict[str, str]:
    """The values on a command line, without quotes; the last of a key counts."""
    pairs = (item.partition("=") for item in overrides if "=" in item)
    return {key.lstrip("+"): value.strip().strip("'\"") for key, _, value in pairs}


def preset_values(recipe: str, overrides: Sequence[str], root: Path) -> dict[str, Any]:
    """What the preset `+experiment=NAME` and those below it say, by dotted keys; empty without one."""
    name = given(overrides).get("experiment")
    method = root / package_of(recipe).replace(".", "/") / "config"
    return _read(f"experiment/{name}", (method, root / "recipe/runs/config"), ()) if name else {}


def _read(name: str, places: tuple[Path, ...], begun: tuple[str, ...]) -> dict[str, Any]:
    file = next((file for place in places if (file := place / f"{name}.yaml").is_file()), None)
    if file is None or name in begun:
        raise ValueError(f"there is no preset {name.rpartition('/')[2]} in {places[0]}/experiment; docs/presets.md has them")
    try:
        content = read_plain(file) or {}
    except ValueError as error:
        raise ValueError(f"{file} {error}") from None
    values: dict[str, Any] = {}
    entries = content.pop("defaults", [])
    for entry in entries if "_self_" in entries else [*entries, "_self_"]:
        if entry == "_self_":
            values |= _flat(content)
        elif isinstance(entry, str):  # what is written `group: name` sets no size in this project
            below = entry.removeprefix("/") if entry.startswith("/") else f"{name.rpartition('/')[0]}/{entry}"
            values |= _read(below, places, (*begun, name))
    return values


def _flat(node: dict, path: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in node.items():
        flat |= _flat(value, f"{path}{key}.") if isinstance(value, dict) else {f"{path}{key}": value}
    return flat


def _group(name: str, node: str, values: dict[str, Any]) -> Group:
    return Group(name, *(_number(f"{node}.{key}", values) for key in ("nnodes", "n_gpus_per_node")))


def _number(key: str, values: dict[str, Any]) -> int:
    value = values.get(key)
    if value is None:
        raise ValueError(f"neither a preset nor an override says {key}; add {key}=N")
    if not str(value).isdecimal() or int(value) < 1:
        raise ValueError(f"{key} is {value}; with --backend kuberay it must be a plain number of at least 1")
    return int(value)
