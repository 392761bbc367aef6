"""An experiment file with stand-ins for training and evaluation: everything else of its chain is real."""

import functools
import os
import subprocess
import sys

import pandas as pd
import pytest
import yaml

from tests import ROOT
from tests.rlvr_math.evaluation.conftest import compose_evaluation

__all__ = ["compose_evaluation"]

TRAINING, EVALUATION = "tests.experiment.stand_in_training", "tests.experiment.stand_in_evaluation"
PROBLEMS = 5


def rows(split):
    return [
        {
            "data_source": "sums",
            "prompt": [{"role": "user", "content": f"{i}+1=?"}],
            "ability": "math",
            "reward_model": {"style": "rule", "ground_truth": str(i + 1)},
            "extra_info": {"split": split, "index": i},
        }
        for i in range(PROBLEMS)
    ]


def content(folder, **changed):
    """Two arms, two seeds; `skill` is how many of four answers are right."""
    return {
        "name": "mini",
        "steps": 4,
        "data": {"train": f"{folder}/train.parquet", "benchmarks": [f"{folder}/sums.parquet"]},
        "arms": {
            "base": {"method": TRAINING, "overrides": ["skill=1"], "published": {"average": 20.0}},
            "better": {"method": TRAINING, "overrides": ["skill=3"], "over": "base", "published": {"sums": 40}},
        },
        "seeds": [1, 2],
        "evaluation": {"package": EVALUATION},
        "differs": ["Nothing in it is real."],
        "disk": {"checkpoint_gb": 12, "kept": 2},
    } | changed


def write_experiment(folder, **changed):
    """Write the experiment with changes, and its data; returns its path."""
    for name in ("train", "sums"):
        file = folder / f"{name}.parquet"
        if not file.exists():
            pd.DataFrame(rows(name)).to_parquet(file)
    path = folder / "mini.yaml"
    path.write_text(yaml.safe_dump(content(folder, **changed), sort_keys=False))
    return path


@pytest.fixture
def experiment_file(tmp_path):
    return functools.partial(write_experiment, tmp_path)


@pytest.fixture
def command(tmp_path):
    """The command of an experiment in tmp_path/out, as a list."""

    def of(file, *options):
        return [sys.executable, "-m", "recipe.experiment", str(file), "--folder", str(tmp_path / "out"), *map(str, options)]

    return of


@pytest.fixture
def run(command):
    """Run it to its end; keywords are variables of the environment."""

    def finished(file, *options, **environment):
        done = subprocess.run(
            command(file, *options), cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=120
        )
        return done

    return finished
