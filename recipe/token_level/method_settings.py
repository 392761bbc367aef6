"""From config nodes to a method's typed settings, whose clip range is the one of verl's actor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TypeVar

Settings = TypeVar("Settings")

_FROM_ACTOR = ("clip_ratio_low", "clip_ratio_high", "clip_ratio_c")


def build_settings(cls: type[Settings], name: str, node: Mapping, actor) -> Settings:
    """Build the dataclass `cls` from the config nodes `name` and `actor_rollout_ref.actor`.

    Raises:
        ValueError: an unknown key, or what `cls` raises for a value out of range.
    """
    for key in _FROM_ACTOR:
        if key in node:
            raise ValueError(f"{name}.{key} is taken from verl's actor: set actor_rollout_ref.actor.{key} instead")
    low, high = clip_range(actor)
    return replace(build(cls, name, node), clip_ratio_low=low, clip_ratio_high=high, clip_ratio_c=actor.clip_ratio_c)


def build(cls: type[Settings], name: str, node: Mapping) -> Settings:
    """Build the dataclass `cls` from the config node `name`; ValueError for an unknown key, or what `cls` raises."""
    known = [f.name for f in fields(cls) if f.name not in _FROM_ACTOR]
    if unknown := sorted(set(node) - set(known)):
        raise ValueError(f"{name} has no setting {unknown[0]!r}; its settings are {', '.join(known)}")
    return cls(**node)


def clip_range(actor) -> tuple[float, float]:
    """How far below and above 1 verl's actor (a config node or its dataclass) lets the importance ratio go."""
    low, high = actor.clip_ratio_low, actor.clip_ratio_high
    return actor.clip_ratio if low is None else low, actor.clip_ratio if high is None else high
