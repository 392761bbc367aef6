"""Entropy-shaped advantages as the shared launcher and trainer see them. Imports neither verl nor Ray."""

from __future__ import annotations

from collections.abc import Mapping

from examples.entropy_shaping.algorithm import EntropyShapingConfig
from recipe.token_level.display import Column, Curve, Display
from recipe.token_level.method import Method
from recipe.token_level.method_settings import build
from recipe.token_level.signs import Most, Sign


def console(metrics: Mapping[str, float]) -> list[str]:
    """What a step's line on the console says of the bonuses."""
    bonus, capped = (metrics.get(f"entropy_shaping/{name}") for name in ("bonus", "capped_share"))
    return [] if bonus is None or capped is None else [f"bonus {bonus:.3f} ({capped:.0%} capped)"]


ENTROPY_SHAPING = Method(
    name="entropy_shaping",
    package="examples.entropy_shaping",
    token_fields=("entropy_bonus",),
    needs_verdict=False,
    settings=lambda node, actor: build(EntropyShapingConfig, "entropy_shaping", node),
    signs=(
        Sign(
            "entropy_shaping/capped_share",
            Most(0.95),
            "nearly all bonuses are at their cap, so that entropy hardly tells tokens apart",
            "lower entropy_shaping.alpha",
            "arXiv:2506.14758",
        ),
    ),
    console=console,
    dump_columns={"bonus": "entropy_bonus"},
    display=Display(
        "entropy_shaping",
        label="Entropy shaping",
        curves=(
            Curve("entropy_shaping/bonus", "Entropy bonus", "Mean over the response tokens.", unit="number"),
            Curve("entropy_shaping/capped_share", "Capped bonuses", "Share of the response tokens, limited by |A| / kappa."),
        ),
        columns=(Column("bonus", "entropy bonus"),),
    ),
)
