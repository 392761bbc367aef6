"""A method's clip range is the one of verl's actor, also where the actor gives one number for both sides."""

from types import SimpleNamespace

import pytest

from recipe.hapo import HAPOConfig
from recipe.htpo import HTPOConfig
from recipe.token_level.method_settings import build_settings


def actor(low=None, high=None, both=0.3, c=4.0):
    return SimpleNamespace(clip_ratio_low=low, clip_ratio_high=high, clip_ratio=both, clip_ratio_c=c)


@pytest.mark.parametrize("cls", [HTPOConfig, HAPOConfig])
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, (0.3, 0.3)),
        ({"low": 0.1}, (0.1, 0.3)),
        ({"high": 0.5}, (0.3, 0.5)),
        ({"low": 0.0, "high": 0.5}, (0.0, 0.5)),
    ],
)
def test_the_clip_range_is_the_actors(cls, given, expected):
    settings = build_settings(cls, "x", {}, actor(**given))
    assert (settings.clip_ratio_low, settings.clip_ratio_high, settings.clip_ratio_c) == (*expected, 4.0)


def test_a_wrong_clip_range_of_the_actor_is_refused():
    with pytest.raises(ValueError, match=r"actor.clip_ratio_c is 1.0"):
        build_settings(HTPOConfig, "htpo", {}, actor(c=1.0))


@pytest.mark.parametrize("key", ["clip_ratio_low", "clip_ratio_high", "clip_ratio_c"])
def test_a_clip_range_of_the_methods_own_is_refused_and_not_offered(key):
    with pytest.raises(ValueError, match=f"hapo.{key} is taken from verl's actor: set actor_rollout_ref.actor.{key} instead"):
        build_settings(HAPOConfig, "hapo", {key: 0.2}, actor())
    with pytest.raises(ValueError, match="hapo has no setting 'tau'; its settings are entropy_pivot") as caught:
        build_settings(HAPOConfig, "hapo", {"tau": 0.2}, actor())
    assert key not in str(caught.value)
