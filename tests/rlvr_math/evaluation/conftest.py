"""Inputs of an evaluation without weights that mean something, and its composed config."""

import json
import os
from unittest import mock

import pandas as pd
import pytest

from tests import ROOT


def problems(number=3, **changed):
    """Rows in verl's format: single-digit sums; `changed` replaces columns."""
    return [
        {
            "data_source": "single_digit_sum",
            "prompt": [{"role": "user", "content": f"{i}+1=?"}],
            "ability": "math",
            "reward_model": {"style": "rule", "ground_truth": str(i + 1)},
            "extra_info": {"split": "test", "index": i},
        }
        | changed
        for i in range(number)
    ]


@pytest.fixture
def model(tmp_path):
    """A folder that looks like a model: one tensor, and the demo's tokenizer with its chat template."""
    import torch
    from safetensors.torch import save_file

    from launch.demo.make_model import make_tokenizer

    folder = tmp_path / "model"
    make_tokenizer().save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps({"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"]}))
    save_file({"weight": torch.ones(2)}, folder / "model.safetensors")
    return folder


@pytest.fixture
def benchmark_file(tmp_path):
    """Write rows to sums.parquet; returns its path."""

    def write(rows=None, name="sums"):
        path = tmp_path / f"{name}.parquet"
        pd.DataFrame(problems() if rows is None else rows).to_parquet(path)
        return path

    return write


@pytest.fixture
def compose_evaluation():
    """Compose the evaluation's config as the command line does; what it sets in the environment is taken back."""
    from hydra import compose, initialize_config_dir

    from recipe.runs import search_path

    def composed(*overrides):
        search_path.register(verl_folder="trainer")
        with initialize_config_dir(config_dir=str(ROOT / "recipe/rlvr_math/evaluation/config"), version_base=None):
            return compose("evaluate", overrides=list(overrides))

    with mock.patch.dict(os.environ):
        yield composed


@pytest.fixture
def evaluation(compose_evaluation, model, benchmark_file, tmp_path):
    """Compose an evaluation of `model` on the three problems with the demo's reward function."""

    def composed(*overrides):
        file = tmp_path / "sums.parquet"
        if not file.exists():
            benchmark_file()
        return compose_evaluation(
            "+platform=cpu",
            f"model={model}",
            f"benchmarks=[{file}]",
            f"out={tmp_path}/out",
            "n=4",
            "max_prompt_tokens=48",
            "max_response_tokens=8",
            f"reward.custom_reward_function.path={ROOT}/launch/demo/reward.py",
            *overrides,
        )

    return composed
