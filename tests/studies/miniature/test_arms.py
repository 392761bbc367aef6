"""Every arm of the study is a config that trains, and differs from the others in what its name says."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from recipe.htpo.objectives import GROUPS
from recipe.rlvr_math.data.data_files import sha256
from recipe.runs.config_checks import check_run
from studies.miniature import results, study
from tests.runs.config.given import METHODS

ARMS = study.arms()


@pytest.fixture
def composed(compose):
    """The config of the command that `make study` runs for an arm."""

    def of_arm(name, seed=1):
        arm = ARMS[name]
        _, _, module, flag, folder, *overrides = study.training_command(arm, seed, Path("data"), Path("run"))
        assert (module, flag) == (f"recipe.{arm['recipe']}.main", "--config-dir")
        overrides = [o for o in overrides if not o.startswith("hydra.")]
        return compose(f"hydra.searchpath=[file://{folder}]", *overrides, recipe=arm["recipe"])

    return of_arm


@pytest.mark.parametrize("name", ARMS)
def test_an_arm_is_accepted(composed, name):
    config = composed(name)
    check_run(config, METHODS[ARMS[name]["recipe"]])
    assert config.trainer.total_training_steps == study.STEPS


def flat(config) -> dict:
    container = OmegaConf.to_container(config, resolve=True)

    def walk(node, prefix):
        if not isinstance(node, dict):
            return {prefix: node}
        return {k: v for key, value in node.items() for k, v in walk(value, f"{prefix}.{key}").items()}

    return walk(container, "")


def different(ours: dict, theirs: dict) -> set[str]:
    """Keys whose values differ."""
    return {key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)}


CELLS = {1: "detach", 2: "loss", 4: "loss", 6: "detach", 8: "loss"}  # what HTPO's table has of its own, by group


def special(number: int) -> str:
    return f".htpo.objectives.{GROUPS[number - 1]}.{CELLS[number]}"


@pytest.mark.parametrize("number", CELLS)
def test_an_ablation_is_htpo_with_one_group_as_in_dapo(composed, number):
    ours = flat(composed(f"without_group_{number}"))
    assert different(ours, flat(composed("htpo_paper"))) == {special(number)}
    assert ours[special(number)] == flat(composed("dapo"))[special(number)]


def test_the_other_arms_of_htpo_differ_in_what_their_names_say(composed):
    htpo, dapo = flat(composed("htpo_paper")), flat(composed("dapo"))
    # No group of DAPO's table is detached, so that the fraction means nothing there.
    assert different(dapo, htpo) == {special(number) for number in CELLS} | {".htpo.detach_lowest_fraction"}
    assert different(flat(composed("htpo_released")), htpo) == {".htpo.variant"}
    low = {f".htpo.objectives.{group}.weight" for group in GROUPS if group.endswith("_low")}
    assert different(flat(composed("forking_tokens")), dapo) == low


def test_hapo_differs_in_its_method_and_its_clip_range(composed):
    found = different(flat(composed("hapo")), flat(composed("dapo")))
    rest = {key for key in found if not key.startswith((".hapo.", ".htpo."))}
    assert rest == {
        ".adaptive_temperature.enabled",
        ".actor_rollout_ref.actor.policy_loss.loss_mode",
        ".algorithm.adv_estimator",
        ".actor_rollout_ref.actor.clip_ratio_high",
    }


def test_a_seed_orders_the_prompts_and_seeds_vllm(composed):
    one, two = flat(composed("dapo", 1)), flat(composed("dapo", 2))
    assert different(one, two) == {".data.seed", ".actor_rollout_ref.rollout.seed", ".actor_rollout_ref.actor.data_loader_seed"}


def test_the_committed_results_are_of_these_arms_and_of_this_model():
    found = results.read_all(ARMS)  # refuses results of different models, problems, presets, hardware or settings
    for name, runs in found.items():
        for run in runs.values():
            if name != "start":
                for kept in ("actor/entropy", "critic/score/mean", "response_length/mean"):
                    assert len(run["steps"][kept]) == study.STEPS
                    assert None not in run["steps"][kept]
            assert run["made_by"]["inputs"]["model"] == sha256(study.MODEL / "model.safetensors")
            assert run["made_by"]["inputs"]["preset"] == sha256(study.PRESET)
            assert results.right_answers(run).shape == (30, results.N)
