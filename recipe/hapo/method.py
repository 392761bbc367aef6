"""HAPO as the shared launcher and trainer see it. Imports neither verl nor Ray."""

from __future__ import annotations

from functools import partial

from recipe.hapo.health import CHECKS
from recipe.hapo.metrics import console_phrases, loss_ratios
from recipe.hapo.sampling import check_sampling
from recipe.hapo.settings import HAPOConfig
from recipe.token_level.method import Method
from recipe.token_level.settings import build_settings

HAPO = Method(
    name="hapo",
    plugin="recipe.hapo.plugin",
    trainers="recipe.hapo.trainer",
    token_fields=("entropy_score",),
    needs_verdict=False,
    settings=partial(build_settings, HAPOConfig, "hapo"),
    check=check_sampling,
    ratios=loss_ratios,
    checks=CHECKS,
    console=console_phrases,
    dump_columns={"score": "entropy_score"},
)
