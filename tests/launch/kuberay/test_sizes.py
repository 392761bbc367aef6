"""How large a run is, told from files, is what Hydra and verl make of the same command line."""

import pytest

from launch.kuberay.sizes import Group, groups
from tests import ROOT

PRESETS = [
    (recipe, file.stem)
    for recipe in ("htpo", "hapo")
    for file in sorted((ROOT / f"recipe/{recipe}/config/experiment").glob("*.yaml"))
]
NEEDED = ("actor_rollout_ref.model.path=m", "data.train_files=t", "data.val_files=v")


@pytest.mark.parametrize(("recipe", "preset"), PRESETS)
def test_a_presets_size_is_that_of_the_composed_config(compose, recipe, preset):
    config = compose(f"+experiment={preset}", *NEEDED, recipe=recipe)
    expected = [Group("trainer", config.trainer.nnodes, config.trainer.n_gpus_per_node)]
    if config.trainer.v1.trainer_mode == "separate_async":
        rollout = config.actor_rollout_ref.rollout
        expected.append(Group("rollouts", rollout.nnodes, rollout.n_gpus_per_node))
    assert groups(recipe, [f"+experiment={preset}"], ROOT) == expected


def test_an_override_wins_and_a_reward_model_of_its_own_has_its_nodes():
    pool = [f"reward.reward_model.{each}" for each in ("enable_resource_pool=True", "nnodes=1", "n_gpus_per_node=4")]
    found = groups("htpo", ["trainer.nnodes=9", "+experiment=qwen3_8b_base", "trainer.nnodes='2'", *pool], ROOT)
    assert found == [Group("trainer", 2, 8), Group("reward", 1, 4)]


def test_without_a_preset_the_command_line_says_it():
    assert groups("examples.entropy_shaping", ["trainer.nnodes=1", "++trainer.n_gpus_per_node=2"], ROOT) == [
        Group("trainer", 1, 2)
    ]


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ([], "neither a preset nor an override says trainer.nnodes; add trainer.nnodes=N"),
        (["trainer.nnodes=2"], "says trainer.n_gpus_per_node"),
        (["trainer.nnodes=0"], "trainer.nnodes is 0; "),
        (["trainer.nnodes=${oc.env:N}"], r"trainer.nnodes is \$\{oc.env:N\}; .* must be a plain number"),
        (["+experiment=qwen4"], "there is no preset qwen4 in "),
    ],
)
def test_what_cannot_be_told_is_one_sentence(overrides, says):
    with pytest.raises(ValueError, match=says):
        groups("htpo", overrides, ROOT)
