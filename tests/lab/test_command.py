"""`python -m recipe.lab`: its config, its sentences, and a run of seconds that the report page can read."""

import json
import subprocess
import sys
from dataclasses import asdict

import pytest
import torch

from recipe.adaptive_temperature.settings import AdaptiveTemperatureConfig
from recipe.files.metrics import read_metrics
from recipe.hapo.settings import HAPOConfig
from recipe.htpo.settings import HTPOConfig
from recipe.lab.__main__ import HERE, composed, main, run
from recipe.lab.settings import check, objective_of, task_of
from tests import ROOT

METHODS, TASKS = (sorted(path.stem for path in (HERE / "config" / group).glob("*.yaml")) for group in ("method", "task"))
# Whose loss is token by token, and not DAPO's.
ACTIVE = ("htpo", "hapo", "archer", "cispo", "forking_tokens", "forking_tokens_by_response", "random_tokens")
TINY = (
    *("task=countdown", "steps=3", "seeds=2", "prompts=3", "n=4", "updates=2", "filter_rounds=2", "warm_start.steps=5"),
    *("model.width=16", "model.head=8", "model.inner=16", "model.layers=1"),
    "validation={every: 2, problems: 4, samples: 2, final: 4}",
)


def trained(folder, *overrides):
    """{seed: its metrics by step} of a tiny run, and what it returned."""
    torch.set_num_threads(1)
    given = [*TINY, f"folder={folder}/run", *overrides]
    last = run(composed(given), given, say=lambda line: None)
    return {path.name: read_metrics(path) for path in sorted((folder / "run").iterdir())}, last


def numbers(steps):
    return {step: {name: x for name, x in data.items() if not name.startswith("timing")} for step, data in steps.items()}


@pytest.mark.parametrize("method", METHODS)
def test_each_method_is_composed(method):
    config = composed([f"method={method}"])
    check(config)
    objective_of(config)


@pytest.mark.parametrize("task", TASKS)
def test_each_task_is_composed_with_all_its_settings(task):
    node = composed([f"task={task}"])["task"]
    made = asdict(task_of(node))
    assert set(node) - {"kind"} == set(made) - {"characters"}  # each key can be overridden


def test_the_configs_defaults_are_those_of_the_methods():
    config = composed([])
    clip = {"clip_ratio_low", "clip_ratio_high", "clip_ratio_c"}
    assert set(config["htpo"]) == set(asdict(HTPOConfig())) - clip - {"entropy_source"}
    assert objective_of(config).config == HTPOConfig()
    hapo = composed(["method=hapo"])
    assert set(hapo["hapo"]) == set(asdict(HAPOConfig())) - clip - {"norm_adv_by_std"}
    assert objective_of(hapo).config == HAPOConfig()
    assert AdaptiveTemperatureConfig(**hapo["adaptive_temperature"]) == AdaptiveTemperatureConfig(enabled=True)


def test_overrides_are_those_of_a_real_run():
    config = composed(["objectives=cispo", "htpo.variant=released", "htpo.objectives.hard_wrong_low.weight=0"])
    objective = objective_of(config).config
    assert objective.variant == "released"
    assert objective.objectives["hard_wrong_low"].weight == 0
    assert objective.objectives["easy_wrong_low"].loss == "cispo"


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("method=ppo", "ppo"),
        ("htpo.varient=released", "varient"),
        ("htpo.variant=other", "htpo.variant"),
        ("seeds=0", "seeds is 0; give a whole number from 1"),
        ("lr=-1", "lr is -1; give a number above 0"),
        ("updates=1000", "updates=1000 are more than the 128 responses of a step"),
        ("task.kind=chess", "task.kind"),
        ("htpo.advantage=gae", "htpo.advantage is 'gae'"),
        ("policy_loss.loss_mode=ppo", "policy_loss: Unsupported loss mode: ppo"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(override, sentence, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["lab", override, *(["loss=verl"] if "loss_mode" in override else [])])
    assert main() == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert len(said.strip().splitlines()) == 1
    assert sentence in said


@pytest.mark.parametrize("method", METHODS)
def test_a_run_trains_each_seed_and_writes_its_metrics(tmp_path, method):
    found, last = trained(tmp_path, f"method={method}")
    assert list(found) == ["seed-0", "seed-1"]
    assert len(last) == 2
    for steps in found.values():
        assert list(steps) == [0, 1, 2, 3]
        assert "val-core/lab/acc/mean@2" in steps[2]
        assert "val-core/lab/acc/pass@4" in steps[3]
        for step in (1, 2, 3):
            assert 0 <= steps[step]["critic/score/mean"] <= 1
            assert steps[step]["actor/entropy"] > 0
            shares = [value for name, value in steps[step].items() if name.endswith("active_share")]
            assert all(0 <= share <= 1 for share in shares)
            assert bool(shares) == (method in ACTIVE)


def test_the_lab_has_every_rival_of_a_real_run():
    rivals = {path.stem for path in (ROOT / "recipe/htpo/config/rival").glob("*.yaml")}
    assert rivals | {"htpo", "hapo", "grpo"} == set(METHODS)


@pytest.mark.parametrize("name", ["clip_cov", "gspo", "dppo_kl", "gpg"])
def test_a_loss_of_verl_is_called_for_each_seed_by_itself(name):
    from verl.trainer.ppo.core_algos import get_policy_loss_fn

    objective = objective_of(composed([f"method={name}"]))
    g = torch.Generator().manual_seed(0)
    old, log_prob, advantages = (-torch.rand(6, 5, generator=g) * 2 for _ in range(3))
    mask = torch.arange(5) < torch.tensor([5, 2, 3, 1, 4, 5])[:, None]
    torch.manual_seed(0)
    found = objective.loss(log_prob, old, advantages, None, mask, 2)
    torch.manual_seed(0)
    for seed, rows in enumerate((slice(0, 3), slice(3, 6))):
        given = (old[rows], log_prob[rows], advantages[rows], mask[rows].float())
        expected = get_policy_loss_fn(name)(*given, "token-mean", objective.actor)[0]
        assert found[seed].item() == pytest.approx(expected.item(), rel=1e-6)


def test_verls_vanilla_loss_trains_as_the_table_does(tmp_path):
    (table, _), (verls, _) = trained(tmp_path / "a", "method=dapo"), trained(tmp_path / "b", "method=dapo", "loss=verl")
    for step, data in numbers(table["seed-0"]).items():
        assert {name: verls["seed-0"][step][name] for name in data} == pytest.approx(data, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("method", ["htpo", "clip_cov"])
def test_the_same_seed_gives_the_same_run(tmp_path, method):
    method = f"method={method}"
    (first, _), (second, _) = trained(tmp_path / "a", method), trained(tmp_path / "b", method)
    assert numbers(first["seed-1"]) == numbers(second["seed-1"])
    assert numbers(first["seed-0"]) != numbers(first["seed-1"])
    if method == "method=clip_cov":  # draws from torch's own generator
        return
    alone, _ = trained(tmp_path / "c", "seed=1", "seeds=1")
    for step, data in numbers(first["seed-1"]).items():
        for name, value in data.items():
            assert alone["seed-1"][step][name] == pytest.approx(value, rel=1e-3, abs=1e-5), (step, name)


def test_the_report_page_reads_it(tmp_path):
    trained(tmp_path)
    command = [
        sys.executable,
        "-m",
        "recipe.insight",
        *sorted(map(str, (tmp_path / "run").iterdir())),
        "--out",
        str(tmp_path / "page"),
    ]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    text = (tmp_path / "page/index.html").read_text()
    assert "lab/acc/mean@2" in text
    assert "warm_start.steps" in text  # what the runs were configured with
    assert json.dumps("task=countdown")[1:-1] in text
