"""HAPO as the shared launcher and trainer see it. Imports neither verl nor Ray."""

from __future__ import annotations

from functools import partial

from recipe.hapo.display import DISPLAY
from recipe.hapo.metrics import console_phrases, loss_ratios
from recipe.hapo.settings import HAPOConfig
from recipe.hapo.signs import SIGNS
from recipe.token_level.method import Method
from recipe.token_level.method_settings import build_settings

HAPO = Method(
    name="hapo",
    package="recipe.hapo",
    token_fields=("entropy_score",),
    needs_verdict=lambda settings: settings.equal_acc != "normalised",
    settings=partial(build_settings, HAPOConfig, "hapo"),
    ratios=loss_ratios,
    signs=SIGNS,
    console=console_phrases,
    dump_columns={"score": "entropy_score"},
    display=DISPLAY,
)
