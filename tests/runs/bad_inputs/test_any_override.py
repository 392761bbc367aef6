"""Whatever a user overrides with whatever: the run may start, or one sentence says why not; never a traceback."""

import contextlib
import os
import sys
import warnings
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from recipe.htpo.method import HTPO
from recipe.runs import launch
from recipe.runs.preflight import run as preflight
from recipe.runs.value_checks import leaves

EXAMPLES = int(os.environ.get("OVERRIDE_EXAMPLES", "60"))
NUMBERS = st.one_of(
    st.sampled_from([0, 1, -1, 2, 3, 7, 16, 1000, 10**9, -(10**9), 0.0, 0.5, -0.5, 1.5, 1e-30, 1e30]),
    st.sampled_from([float("nan"), float("inf"), -float("inf")]),
)
TEXTS = st.sampled_from(
    ["", " ", "x", "auto", "true", "1", "/", "~", "/nowhere/x", "a/b", "ä\n", "$X", "s3://b/x", "org/model", "0x10"]
)
REMOVED = "~"
FSDP = "actor_rollout_ref.actor.fsdp_config"
VALUES = st.one_of(
    st.just(REMOVED),
    NUMBERS,
    TEXTS,
    st.sampled_from([None, True, False, "???"]),
    st.sampled_from([[], [1], ["x"], [None], [[]], {}, {"x": 1}, {"x": None}]),
)


def keys_of(config):
    """All keys of a config: those with values, and the mappings above them."""
    found = [key for key, _ in leaves(OmegaConf.to_container(config))]
    above = {key.rsplit(".", n)[0] for key in found for n in range(1, key.count(".") + 1)}
    return sorted({*found, *above})


def as_a_user_would(config, overrides):
    """Put the overrides into the config that can be put into it, as Hydra does."""
    for key, value in overrides.items():
        parent, _, name = key.rpartition(".")
        node = OmegaConf.select(config, parent) if parent else config
        if isinstance(node, DictConfig) and name in node:
            OmegaConf.set_struct(config, False)
            with contextlib.suppress(OmegaConfBaseException):  # no list goes into a mapping, for example
                if value == REMOVED:
                    del node[name]
                else:
                    OmegaConf.update(config, key, value)
    OmegaConf.set_struct(config, True)
    return config


@pytest.fixture
def start(composed, tmp_path, monkeypatch):
    """Prepare a run with overrides; the sentence of its refusal, None if it may start. Other exceptions come through."""

    def come_through():  # what a row of the preflight would have caught
        raise sys.exc_info()[1]

    monkeypatch.setattr(preflight.traceback, "print_exc", come_through)
    monkeypatch.chdir(tmp_path)

    def start(overrides):
        config = as_a_user_would(composed(), {"trainer.default_local_dir": f"{tmp_path}/run"} | overrides)
        with patch.dict(os.environ, RAY_ADDRESS="local"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                launch._prepare(config, HTPO)
            except ValueError as error:
                return str(error)
        return None

    return start


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES <= 100,  # the same ones each time, unless someone looks for more
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_any_override_is_taken_or_refused_in_one_sentence(composed, start, data):
    keys = st.sampled_from(keys_of(composed()))
    overrides = data.draw(st.dictionaries(keys, VALUES, min_size=1, max_size=3))
    sentence = start(overrides)
    assert sentence is None or (sentence.strip() and "\n" not in sentence and "Traceback" not in sentence)


@pytest.mark.parametrize(
    "key",
    ["actor_rollout_ref", "data", "data.train_batch_size", "htpo", "trainer.logger", "trainer.v1", f"{FSDP}.wrap_policy"],
)
def test_a_key_that_was_removed_is_named(start, key):
    assert start({key: REMOVED}) == f"{key} is not in the config, and is needed; leave out ~{key}"


def test_half_of_a_buffer_is_named(start):
    for key in ("enable", "len", "log", "penalty_factor"):
        assert f"overlong_buffer_cfg has no {key}, " in start({f"reward.reward_kwargs.overlong_buffer_cfg.{key}": REMOVED})


def test_what_the_property_looks_at_does_happen(start):
    assert start({}) is None
    assert start({"trainer.nnodes": "x"}).startswith("trainer.nnodes is 'x'")
