"""How the shared code meets the method: its config, its commands, the console, the token dump, the launchers."""

import importlib
import shlex
import subprocess
import sys

import pytest
import torch
from tensordict import TensorDict
from tensordict.tensorclass import NonTensorStack

from examples.entropy_shaping.algorithm import EntropyShapingConfig
from examples.entropy_shaping.method import ENTROPY_SHAPING
from launch.recipes import package_of
from recipe.runs.config_checks import check_run
from recipe.runs.console import lines
from recipe.runs.health import HealthLog
from recipe.token_level.method import require_known_names, require_registered
from tests import ROOT
from tests.launch.submission.given import plan
from tests.runs.config.given import GIVEN

PACKAGE = "examples.entropy_shaping"


def test_its_config_composes_and_is_accepted(compose):
    config = compose(*GIVEN, recipe=PACKAGE)
    assert check_run(config, ENTROPY_SHAPING) == EntropyShapingConfig()  # the YAML's defaults are Python's
    require_registered(ENTROPY_SHAPING)
    require_known_names(config)
    overrides = ("+platform=cpu", "+experiment=demo", "entropy_shaping.alpha=0.1", "adaptive_temperature.enabled=True")
    assert check_run(compose(*GIVEN, *overrides, recipe=PACKAGE), ENTROPY_SHAPING) == EntropyShapingConfig(alpha=0.1)


def command(module, *arguments):
    line = [sys.executable, "-m", f"{PACKAGE}.{module}", *arguments, *GIVEN]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_its_training_command_ends_with_one_sentence(tmp_path):
    result = command("main", "+platform=cpu", "entropy_shaping.kappa=0.5", f"hydra.run.dir={tmp_path}")
    assert result.returncode == 2
    sentence = "error: entropy_shaping.kappa is 0.5; it must be a finite number greater than 1"
    assert result.stderr.strip().splitlines()[-1] == sentence
    assert (tmp_path / "main.log").exists()  # named as of a module that has Hydra's decorator itself


def test_its_preflight_command_has_the_same_config():
    result = command("preflight", "--cfg", "job", "--package", "entropy_shaping", "entropy_shaping.alpha=0.1")
    assert result.stdout.split() == ["#", "@package", "entropy_shaping", "alpha:", "0.1", "kappa:", "2.0"]


def test_its_trainers_are_registered():
    from verl.trainer.ppo.v1 import get_trainer_cls

    importlib.import_module(ENTROPY_SHAPING.trainers)
    assert get_trainer_cls("entropy_shaping_sync").method is ENTROPY_SHAPING


def test_its_words_stand_in_the_steps_line():
    metrics = {"critic/score/mean": 0.5, "entropy_shaping/bonus": 0.1234, "entropy_shaping/capped_share": 0.3}
    assert lines(metrics, 1, 9, ENTROPY_SHAPING.console) == ["step 1/9  reward  0.50  bonus 0.123 (30% capped)"]
    assert lines({"critic/score/mean": 0.5}, 1, 9, ENTROPY_SHAPING.console) == ["step 1/9  reward  0.50"]


def test_it_warns_when_entropy_tells_tokens_apart_no_more(capsys):
    log = HealthLog(ENTROPY_SHAPING.signs)
    for step in range(1, 6):
        log.log({"entropy_shaping/capped_share": 0.99}, step)
    assert "lower entropy_shaping.alpha" in "".join(capsys.readouterr())


def test_the_token_dump_has_its_column():
    from recipe.runs.token_dump.collect import columns_of

    values = [[0.1, 0.2, 0.0], [0.5]]
    nested = torch.nested.as_nested_tensor([torch.tensor(x) for x in values], layout=torch.jagged)
    ids = torch.nested.as_nested_tensor([torch.ones(len(x), dtype=torch.long) for x in values], layout=torch.jagged)
    fields = dict.fromkeys(("entropy", "advantages", "old_log_probs", "rm_scores", "entropy_bonus"), nested)
    extra = NonTensorStack({}, {})
    rows = TensorDict({**fields, "responses": ids, "response_mask": ids, "extra_fields": extra}, batch_size=2)
    _, own = columns_of(rows, ["p_0_0", "p_1_0"], 1, ENTROPY_SHAPING.dump_columns)
    assert {name: [x.tolist() for x in lists] for name, lists in own.items()} == {"bonus": [pytest.approx(x) for x in values]}


def test_the_launchers_take_it_by_its_package():
    assert package_of("htpo") == "recipe.htpo"
    assert package_of(PACKAGE) == PACKAGE
    entrypoint = plan(ROOT, "a=1", recipe=PACKAGE, max_mib=20).entrypoint
    commands = [["python", "-m", f"{PACKAGE}.{module}", "a=1"] for module in ("preflight", "main")]
    assert shlex.split(entrypoint) == [*commands[0], "&&", *commands[1]]
    with pytest.raises(ValueError, match=r"has no examples/entropy/main\.py.* a package with dots"):
        plan(ROOT, recipe="examples.entropy", max_mib=20)
