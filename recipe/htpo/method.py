"""HTPO as the shared launcher and trainer see it. Imports neither verl nor Ray."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace

from recipe.htpo.metrics import loss_ratios
from recipe.htpo.settings import HTPOConfig
from recipe.token_level.method import Method

_FROM_ACTOR = ("clip_ratio_low", "clip_ratio_high", "clip_ratio_c")


def settings(node: Mapping, actor) -> HTPOConfig:
    """Build HTPOConfig from the config nodes `htpo` and `actor_rollout_ref.actor`.

    Raises:
        ValueError: an unknown key, a value out of range, or an entropy source that the actor does not provide.
    """
    node = {key: value for key, value in node.items() if key != "_target_"}
    for key in _FROM_ACTOR:
        if key in node:
            raise ValueError(f"htpo.{key} is taken from verl's actor: set actor_rollout_ref.actor.{key} instead")
    known = [f.name for f in fields(HTPOConfig) if f.name not in _FROM_ACTOR]
    if unknown := sorted(set(node) - set(known)):
        raise ValueError(f"htpo has no setting {unknown[0]!r}; its settings are {', '.join(known)}")
    config = with_clip_range(HTPOConfig(**node), actor)
    computes_entropy = actor.calculate_entropy or actor.entropy_coeff != 0
    if config.entropy_source == "current_policy" and not computes_entropy:
        raise ValueError(
            "htpo.entropy_source=current_policy needs the actor update to compute the entropy; set "
            "actor_rollout_ref.actor.calculate_entropy=True"
        )
    return config


def with_clip_range(config: HTPOConfig, actor) -> HTPOConfig:
    """HTPOConfig with the clip range of verl's actor config (a config node or its dataclass)."""
    low, high = actor.clip_ratio_low, actor.clip_ratio_high
    return replace(
        config,
        clip_ratio_low=actor.clip_ratio if low is None else low,
        clip_ratio_high=actor.clip_ratio if high is None else high,
        clip_ratio_c=actor.clip_ratio_c,
    )


HTPO = Method(
    name="htpo",
    plugin="recipe.htpo.plugin",
    trainers="recipe.htpo.trainer",
    token_fields=("token_groups",),
    needs_verdict=True,
    settings=settings,
    ratios=loss_ratios,
)
