"""HTPO as the shared launcher and trainer see it. Imports neither verl nor Ray."""

from __future__ import annotations

from collections.abc import Mapping

from recipe.htpo.display import DISPLAY
from recipe.htpo.metrics import console_phrases, loss_ratios
from recipe.htpo.settings import HTPOConfig
from recipe.htpo.signs import SIGNS
from recipe.token_level.method import Method
from recipe.token_level.method_settings import build_settings


def settings(node: Mapping, actor) -> HTPOConfig:
    """Build HTPOConfig from the config nodes `htpo` and `actor_rollout_ref.actor`.

    Raises:
        ValueError: an unknown key, a value out of range, or an entropy source that the actor does not provide.
    """
    config = build_settings(HTPOConfig, "htpo", node, actor)
    computes_entropy = actor.calculate_entropy or actor.entropy_coeff != 0
    if config.entropy_source == "current_policy" and not computes_entropy:
        raise ValueError(
            "htpo.entropy_source=current_policy needs the actor update to compute the entropy; set "
            "actor_rollout_ref.actor.calculate_entropy=True"
        )
    return config


HTPO = Method(
    name="htpo",
    package="recipe.htpo",
    token_fields=("token_groups",),
    needs_verdict=True,
    settings=settings,
    ratios=loss_ratios,
    signs=SIGNS,
    console=console_phrases,
    dump_columns={"group": "token_groups"},
    display=DISPLAY,
)
