"""Fixtures of the tests that import verl. The CPU platform is chosen before verl is first imported, as the entry point does."""

import copy
import os

import pytest
import yaml

from launch.demo.inputs import make_inputs
from tests.once import made_once

# With a thread for each core torch spends ten times as long on small tensors as soon as another process wants a core.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("VERL_PLATFORM", "cpu")
os.environ.setdefault("VERL_USE_EXTERNAL_MODULES", "verl_patches.cpu,recipe.htpo.plugin,recipe.hapo.plugin")

# Hydra reads some thirty files each time it composes, half of that time in the parser that is written in Python.
yaml.SafeLoader = yaml.CSafeLoader


def pytest_collection_modifyitems(items):
    """The files with the most patience first, so that no long one is left over when several run at a time."""

    def patience(item):
        mark = item.get_closest_marker("timeout")
        return mark.args[0] if mark else 0

    longest = {}
    for item in items:
        longest[item.path] = max(longest.get(item.path, 0), patience(item))
    items.sort(key=lambda item: -longest[item.path])


@pytest.fixture(scope="session")
def compose():
    """Compose a recipe's shipped config with overrides, as the command line does; the same ones are composed once."""
    from tests import composing

    known = {}

    def composed(*overrides, recipe="htpo"):
        if (recipe, overrides) not in known:
            known[recipe, overrides] = composing.compose(recipe, *overrides)
        return copy.deepcopy(known[recipe, overrides])

    return composed


@pytest.fixture
def actor_config():
    """Build verl's FSDP actor config for a recipe's loss."""

    def build(loss_agg_mode="token-mean", clip_ratio_c=10.0, recipe="htpo", **others):
        from verl.workers.config import FSDPActorConfig, PolicyLossConfig

        return FSDPActorConfig(
            rollout_n=8,
            ppo_micro_batch_size_per_gpu=1,
            clip_ratio_low=0.2,
            clip_ratio_high=0.28,
            clip_ratio_c=clip_ratio_c,
            loss_agg_mode=loss_agg_mode,
            policy_loss=PolicyLossConfig(loss_mode=recipe),
            **others,
        )

    return build


@pytest.fixture(scope="session")
def demo_inputs(tmp_path_factory):
    """The demo's model and data."""
    return made_once(tmp_path_factory, "inputs", make_inputs)
