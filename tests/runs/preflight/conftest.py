"""The demo's inputs and runs with them."""

import copy
import os
import shutil
from pathlib import Path
from unittest.mock import patch

import pytest
from omegaconf import OmegaConf

from launch.demo import make_data, make_model
from recipe.runs.preflight import model
from recipe.runs.preflight.facts import Run
from tests.runs.preflight.support import METHODS, arguments

_composed = {}


@pytest.fixture(scope="session")
def inputs(tmp_path_factory):
    """The demo's data, and its model without the warm start, which takes seconds and changes no size."""
    folder = tmp_path_factory.mktemp("preflight")
    make_data.main(str(folder / "data"))
    tokens = make_model.make_tokenizer()
    tokens.save_pretrained(folder / "model")
    make_model.make_model(tokens, **make_model.SIZES).save_pretrained(folder / "model")
    return folder


@pytest.fixture(autouse=True)
def own_environment():
    """Whatever Ray runs on this machine is not this test's; what the checks set for the run's processes is undone."""
    with patch.dict(os.environ, RAY_ADDRESS="local"):
        yield


@pytest.fixture
def model_folder(inputs, tmp_path):
    """A copy of the model's folder to break."""
    return Path(shutil.copytree(inputs / "model", tmp_path / "model"))


@pytest.fixture
def run(compose, inputs, tmp_path):
    """A run of the demo with overrides; its model is read. platform: cpu, or gpu for the shipped configs.

    Composing takes 0.3 s, so it is done once for each platform and engine; other overrides are put in afterwards.
    """

    def build(*overrides, recipe="htpo", platform="cpu"):
        groups = tuple(value for value in overrides if value.startswith("model_engine="))
        key = (recipe, platform, groups)
        if key not in _composed:
            _composed[key] = compose(*arguments(inputs, tmp_path, platform), *groups, recipe=recipe)
        config = copy.deepcopy(_composed[key])
        OmegaConf.set_struct(config, False)
        values = [value.removeprefix("+") for value in overrides if value not in groups]
        config.merge_with_dotlist([f"trainer.default_local_dir={tmp_path}/checkpoints", *values])
        OmegaConf.set_struct(config, True)
        built = Run(config, METHODS[recipe])
        model.check_model(built)
        return built

    return build
