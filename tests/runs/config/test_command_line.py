"""The entry point as a user starts it."""

import subprocess
import sys

import pytest

from recipe.runs.commands import options_first
from tests import ROOT
from tests.runs.config.given import GIVEN, METHODS


def main(*overrides):
    command = [sys.executable, "-m", "recipe.htpo.main", *GIVEN, "+platform=cpu", *overrides]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_the_command_line_stops_with_one_sentence_and_status_2(tmp_path):
    result = main(f"hydra.run.dir={tmp_path}", "htpo.variant=figure")
    assert result.returncode == 2
    assert result.stderr.strip().splitlines()[-1] == "error: htpo.variant is 'figure'; it must be one of paper, released"
    assert "Traceback" not in result.stderr


def test_an_unknown_key_is_refused_by_name(tmp_path):
    result = main(f"hydra.run.dir={tmp_path}", "htpo.dificulty_threshold=0.5")
    assert result.returncode == 2
    assert result.stderr == "\nerror: the config has no htpo.dificulty_threshold; did you mean htpo.difficulty_threshold?\n"


@pytest.mark.parametrize("recipe", METHODS)
def test_the_algorithm_loads_neither_verl_nor_ray(recipe):
    code = f"import sys, recipe.{recipe}; print(sorted({{'verl', 'ray', 'vllm', 'hydra', 'omegaconf'}} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_options_may_stand_between_overrides():
    given = ["a=1", "--config-dir", "/x", "b=2", "-cn", "own", "--cfg=job", "~c", "--info"]
    assert options_first(given) == ["--config-dir", "/x", "-cn", "own", "--cfg=job", "--info", "a=1", "b=2", "~c"]
    assert options_first(["a=1", "b=2"]) == ["a=1", "b=2"]
    assert options_first(["a=1", "--config-dir"]) == ["--config-dir", "a=1"]
