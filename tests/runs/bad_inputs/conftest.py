"""A run that may start, small enough to be prepared again and again, and the refusal of what a test has broken."""

import os
import pickle
import shutil
import warnings
from unittest.mock import patch

import pytest
from omegaconf import OmegaConf

from launch.demo import make_model
from recipe.htpo.method import HTPO
from recipe.runs import launch
from tests.runs.bad_inputs.rows import row, write

REWARD = """
def compute_score(data_source, solution_str, ground_truth, extra_info=None):
    return {"score": 0.0, "acc": 0.0}
"""


@pytest.fixture(scope="session")
def good(tmp_path_factory):
    """A folder with `model`, `train.parquet`, `val.parquet` and `reward.py`; not to be written to."""
    folder = tmp_path_factory.mktemp("good")
    tokens = make_model.make_tokenizer()
    tokens.save_pretrained(folder / "model")
    make_model.make_model(tokens, **make_model.SIZES).save_pretrained(folder / "model")
    write(folder / "train.parquet", [row(prompt=f"{i}+1=") for i in range(40)])
    write(folder / "val.parquet", [row(prompt=f"{i}+2=") for i in range(40, 48)])
    (folder / "reward.py").write_text(REWARD)
    return folder


@pytest.fixture(scope="session")
def composed(compose, good):
    """Return a new copy of the run's config; the folder of its checkpoints is to be set."""
    config = compose(
        "+platform=cpu",
        "+experiment=demo",
        f"actor_rollout_ref.model.path={good}/model",
        f"data.train_files={good}/train.parquet",
        f"data.val_files={good}/val.parquet",
        f"reward.custom_reward_function.path={good}/reward.py",
        "trainer.logger=[console,file]",
    )
    pickled = pickle.dumps(config)  # ten times as fast as a deep copy
    return lambda: pickle.loads(pickled)


@pytest.fixture
def prepare(composed, tmp_path):
    """Do what the launcher does before Ray starts, with overrides; returns the config it leaves."""

    def prepare(*overrides, **environment):
        config = composed()
        OmegaConf.set_struct(config, False)
        config.merge_with_dotlist([f"trainer.default_local_dir={tmp_path}/run", *overrides])
        OmegaConf.set_struct(config, True)
        with patch.dict(os.environ, {"RAY_ADDRESS": "local"} | environment), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            launch._prepare(config, HTPO)
        return config

    return prepare


@pytest.fixture
def refusal(prepare):
    """The sentence with which the launcher refuses a run."""

    def refusal(*overrides, **environment):
        with pytest.raises(ValueError, match=r"^\S.*\S$") as caught:
            prepare(*overrides, **environment)
        sentence = str(caught.value)
        assert "\n" not in sentence
        assert "Traceback" not in sentence
        assert len(sentence) < 900, sentence
        return sentence

    return refusal


@pytest.fixture
def model(good, tmp_path):
    """A copy of the model to break."""
    return shutil.copytree(good / "model", tmp_path / "model")
