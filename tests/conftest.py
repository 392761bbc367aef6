"""Fixtures of the tests that import verl. The CPU platform is chosen before verl is first imported, as the entry point does."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

os.environ.setdefault("VERL_PLATFORM", "cpu")
os.environ.setdefault("VERL_USE_EXTERNAL_MODULES", "verl_patches.cpu,recipe.htpo.plugin")


@pytest.fixture
def compose():
    """Compose the shipped HTPO config with overrides, as the command line does."""
    from hydra import compose, initialize_config_dir

    from recipe.token_level import search_path

    def composed(*overrides):
        search_path.register()
        with initialize_config_dir(config_dir=str(ROOT / "recipe/htpo/config"), version_base=None):
            return compose("htpo_trainer", overrides=list(overrides))

    return composed


@pytest.fixture
def actor_config():
    """Build verl's FSDP actor config with HTPO's settings; keyword arguments go to HTPOConfig."""

    def build(loss_agg_mode="token-mean", clip_ratio_c=10.0, **htpo):
        from verl.workers.config import FSDPActorConfig

        from recipe.htpo import HTPOConfig
        from recipe.htpo.plugin import HTPOPolicyLossConfig

        return FSDPActorConfig(
            rollout_n=8,
            ppo_micro_batch_size_per_gpu=1,
            clip_ratio_low=0.2,
            clip_ratio_high=0.28,
            clip_ratio_c=clip_ratio_c,
            loss_agg_mode=loss_agg_mode,
            policy_loss=HTPOPolicyLossConfig(loss_mode="htpo", htpo=HTPOConfig(**htpo)),
        )

    return build
