"""The papers' tables as experiment files: they compose, differ in the objective alone, and say what the papers say."""

import re
from dataclasses import replace

import pytest
from omegaconf import OmegaConf

from recipe.experiment.costs import disk
from recipe.experiment.definition import PAPERS, find_file, read_experiment
from recipe.experiment.stages import Layout, stages
from recipe.rlvr_math.data.data_sets import DATA_SETS
from tests import ROOT
from tests.composing import flat
from tests.layout import Layout as GpuLayout

NAMES = sorted(path.stem for path in PAPERS.glob("*.yaml"))
HAPO = {
    "hapo_qwen2_5_math_1_5b": (38.34, 38.83, 37.06, 38.79, 40.62),
    "hapo_qwen2_5_math_7b": (46.97, 47.43, 45.63, 45.89, 50.04),
    "hapo_qwen3_8b_base": (50.00, 50.21, 49.17, 50.06, 51.97),
}
ARMS = ("dapo", "forking_tokens", "archer", "edge_grpo", "hapo")
# What makes an arm that arm. The clip range is a part of the objective.
OBJECTIVE = re.compile(
    r"(htpo|hapo|adaptive_temperature|rival)\b|algorithm\.adv_estimator|actor_rollout_ref\.actor\.policy_loss\.|"
    r"actor_rollout_ref\.actor\.clip_ratio_high|trainer\.(experiment_name|default_local_dir)|hydra\."
)


def trainings(name, compose):
    """The composed config of each arm."""
    experiment = replace(read_experiment(find_file(name)), steps=100)
    found = [stage for stage in stages(experiment, Layout(ROOT / "x")) if stage.kind == "train"]
    return experiment, {
        stage.arm: compose(*(each for each in stage.arguments if not each.startswith("hydra.")), recipe=stage.recipe)
        for stage in found
    }


@pytest.mark.parametrize("name", NAMES)
def test_its_arms_compose_and_differ_in_the_objective_alone(name, compose):
    experiment, configs = trainings(name, compose)
    flats = {arm: flat(OmegaConf.to_container(config, resolve=False)) for arm, config in configs.items()}
    first = flats[experiment.arms[-1].name]
    for other in flats.values():
        differing = {key for key in first.keys() | other.keys() if first.get(key, "-") != other.get(key, "-")}
        assert {key for key in differing if not OBJECTIVE.match(key)} == set()


@pytest.mark.parametrize("name", NAMES)
def test_disk_is_what_the_preflight_computes(name, compose):
    experiment, configs = trainings(name, compose)
    for config in configs.values():
        assert config.trainer.max_actor_ckpt_to_keep == experiment.disk.kept
        assert round(GpuLayout(config).checkpoint) == pytest.approx(experiment.disk.checkpoint_gb, abs=1)
    assert " GB for " in disk(experiment)


@pytest.mark.parametrize("name", NAMES)
def test_evaluations_compose_and_are_of_the_trainings_lengths(name, compose, compose_evaluation):
    experiment, configs = trainings(name, compose)
    found = [stage for stage in stages(experiment, Layout(ROOT / "x")) if stage.kind == "evaluate"]
    assert found
    for stage in found:
        config, training = compose_evaluation(*stage.arguments), configs[stage.arm]
        validation = training.actor_rollout_ref.rollout.val_kwargs
        assert (config.n, config.temperature, config.top_p) == (validation.n, validation.temperature, validation.top_p)
        lengths = training.data.max_prompt_length, training.data.max_response_length
        assert (config.max_prompt_tokens, config.max_response_tokens) == lengths


@pytest.mark.parametrize("name", NAMES)
def test_what_it_says_beside_the_numbers(name):
    experiment = read_experiment(find_file(name))
    assert {experiment.data.train, *experiment.data.benchmarks} <= DATA_SETS.keys()
    assert "not published" in " ".join(experiment.differs)
    assert experiment.steps is None  # no paper says it
    assert all(experiment.slurm.values())


@pytest.mark.parametrize("name", HAPO)
def test_the_published_means_of_hapos_table(name):
    arms = read_experiment(find_file(name)).arms
    assert tuple(arm.name for arm in arms) == ARMS
    assert tuple(arm.published["average"] for arm in arms) == HAPO[name]
    for arm in arms:
        if single := [value for benchmark, value in arm.published.items() if benchmark != "average"]:
            assert sum(single) / len(single) == pytest.approx(arm.published["average"], abs=0.01)


def test_the_published_differences_of_htpos_main_run():
    dapo, htpo = read_experiment(find_file("htpo_qwen3_8b_base")).arms
    assert (htpo.over, htpo.published) == (dapo.name, {"aime-2024": 8.6, "aime-2025": 6.7})


def test_the_demos_composes(compose, compose_evaluation):
    experiment = read_experiment(ROOT / "launch/demo/experiment.yaml")
    for stage in stages(experiment, Layout(ROOT / "x")):
        if stage.kind == "train":
            compose(*(each for each in stage.arguments if not each.startswith("hydra.")), recipe=stage.recipe)
        if stage.kind == "evaluate":
            compose_evaluation(*stage.arguments)


@pytest.mark.parametrize("backend", ["local", "ray", "slurm"])
@pytest.mark.parametrize("name", NAMES)
def test_each_dry_run_prints_commands(name, backend, run, tmp_path):
    done = run(name, "--steps", 100, "--backend", backend, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "GPU-hours of " in done.stdout
    assert "not known, no step was timed" in done.stdout
    assert not (tmp_path / "out").exists()
