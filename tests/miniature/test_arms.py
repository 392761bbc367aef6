"""Every arm of the study is a config that trains, and differs from the others in its objective alone."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from recipe.htpo import PRESETS
from recipe.htpo.settings import GROUPS
from recipe.rlvr_math.files import sha256
from recipe.token_level.validate import check_run
from studies.miniature import results, study
from tests.config.given import METHODS

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


@pytest.mark.parametrize("name", [name for name in ARMS if ARMS[name]["recipe"] == "htpo"])
def test_the_arms_of_htpo_differ_in_the_objectives_alone(composed, name):
    ours, dapo = flat(composed(name)), flat(composed("dapo"))
    different = {key for key in ours.keys() | dapo.keys() if ours.get(key) != dapo.get(key)}
    allowed = (".htpo.", ".actor_rollout_ref.actor.policy_loss.htpo.")
    assert all(key.startswith(allowed) for key in different), different
    assert {key for key in different if key.startswith(".trainer.")} <= {
        ".trainer.experiment_name",
        ".trainer.default_local_dir",
    }


@pytest.mark.parametrize("number", [1, 2, 4, 6, 8])
def test_an_ablation_is_htpo_with_one_group_as_in_dapo(composed, number):
    ours = composed(f"without_group_{number}").htpo.objectives
    group = GROUPS[number - 1]
    for other in GROUPS:
        cell = PRESETS["dapo" if other == group else "htpo"][other]
        assert dict(ours[other]) == {"loss": cell.loss, "weight": cell.weight, "detach": cell.detach}


def test_hapo_gets_the_same_prompts_and_responses(composed):
    ours, dapo = flat(composed("hapo")), flat(composed("dapo"))
    for key in (
        *("data.train_batch_size", "data.seed", "data.max_response_length", "actor_rollout_ref.rollout.n"),
        *("actor_rollout_ref.rollout.seed", "actor_rollout_ref.rollout.temperature", "algorithm.filter_groups.enable"),
        *("actor_rollout_ref.actor.ppo_mini_batch_size", "actor_rollout_ref.actor.optim.lr", "trainer.total_training_steps"),
        *("reward.reward_kwargs.overlong_buffer_cfg.len", "actor_rollout_ref.actor.loss_agg_mode"),
    ):
        assert ours[f".{key}"] == dapo[f".{key}"], key


def test_a_seed_orders_the_prompts_and_seeds_vllm(composed):
    one, two = flat(composed("dapo", 1)), flat(composed("dapo", 2))
    different = {key for key in one if one[key] != two[key]}
    assert different >= {".data.seed", ".actor_rollout_ref.rollout.seed"}
    assert all("seed" in key for key in different), different


def test_the_committed_results_are_of_these_arms_and_of_this_model():
    found = results.read_all()  # refuses results of different models, problems or presets
    for name, runs in found.items():
        for run in runs.values():
            arm = run["made_by"]["arm"]
            if name != "start":
                assert arm == {"recipe": ARMS[name]["recipe"], "overrides": ARMS[name]["overrides"]}
                assert len(run["steps"]["actor/entropy"]) == study.STEPS
            assert run["made_by"]["inputs"]["model"] == sha256(study.MODEL / "model.safetensors")
            assert run["made_by"]["inputs"]["preset"] == sha256(study.PRESET)
            assert results.right_answers(run).shape == (30, results.N)
