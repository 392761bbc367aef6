"""Inputs of an evaluation without weights that mean something, and its composed config."""

import asyncio
import json
import os
from unittest import mock

import pandas as pd
import pytest

from recipe.rlvr_math.evaluation import evaluate as entry
from recipe.rlvr_math.evaluation.collect import Response
from recipe.rlvr_math.evaluation.scoring import load_reward, score
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


class Stack:
    """Stands in for Ray, the servers and the reward workers; `at` is called with the number of each request."""

    def __init__(self, monkeypatch):
        self.made, self.engine_seeds, self.request_seeds, self.at = [], [], [], lambda number: None
        self.pause_s = 0.0
        monkeypatch.setattr(entry, "start_ray", lambda config: "a fake")
        monkeypatch.setattr(entry.nodes, "dead", set)
        monkeypatch.setattr(entry, "start_scorers", self._scorers)
        monkeypatch.setattr(entry, "start_servers", self._servers)

    def _scorers(self, config):
        function = load_reward(config)

        async def scored(problem, output):
            return score(function, problem, output)

        return [scored]

    async def _servers(self, config, folder, tokenizer, engine_seed, request_seed):
        self.engine_seeds.append(engine_seed)

        async def generate(request):
            self.at(len(self.made))
            self.made.append((request.problem.id, request.sample))
            if request_seed:
                self.request_seeds.append(request_seed(request))
            await asyncio.sleep(self.pause_s)
            answer = int(request.problem.id) + 1 + request.sample % 2  # every other one is wrong
            return Response(str(answer), 2, cut_off=request.sample == 3)

        return generate


@pytest.fixture
def stack(monkeypatch):
    return Stack(monkeypatch)
