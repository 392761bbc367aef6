"""The checks before the start, by name and in their order: each refuses what the launcher must not start."""

import pytest
from omegaconf import OmegaConf

from recipe.htpo.method import HTPO
from recipe.runs.start_checks import checks_before_start
from tests.runs.bad_inputs.rows import row, write

REWARDS = """
def good(data_source, solution_str, ground_truth, extra_info=None):
    return {"score": 0.0, "acc": 0.0}

def no_acc(data_source, solution_str, ground_truth, extra_info=None):
    return {"score": 0.0}
"""

ORDER = ["config", "environment", "model path", "data", "objective", "resume", "plugin", "reward", "verl"]


@pytest.fixture
def overrides(tmp_path):
    """Of a run that may start."""
    data = write(tmp_path / "data.parquet", [row()] * 128)
    (tmp_path / "reward.py").write_text(REWARDS)
    return [
        "actor_rollout_ref.model.path=org/model",
        *(f"data.train_files={data}", f"data.val_files={data}"),
        *(f"trainer.default_local_dir={tmp_path}/run", "trainer.total_training_steps=10"),
        *(f"reward.custom_reward_function.path={tmp_path}/reward.py", "reward.custom_reward_function.name=good"),
    ]


def first_refusal(config):
    """(name, sentence) of the first check that fails, as the launcher would see it; None if the run may start."""
    checks = checks_before_start(config, HTPO)
    assert list(checks) == ORDER
    for name, check in checks.items():
        try:
            check()
        except ValueError as error:
            return name, str(error)
    return None


def test_a_run_that_may_start_passes_all(compose, overrides):
    assert first_refusal(compose(*overrides)) is None


@pytest.mark.parametrize(
    ("name", "override", "sentence"),
    [
        ("config", "actor_rollout_ref.rollout.n=1", "actor_rollout_ref.rollout.n is 1"),
        ("data", "data.val_files=nowhere.parquet", "data.val_files names nowhere.parquet, which does not exist"),
        ("plugin", "actor_rollout_ref.actor.policy_loss.loss_mode=htpoo", "loss_mode is 'htpoo'"),
        ("reward", "reward.custom_reward_function.name=no_acc", "the reward function returns score but no 'acc' for row 0"),
        ("verl", "actor_rollout_ref.actor.loss_agg_mode=mean", "verl refuses the config: "),
        (
            "verl",
            "actor_rollout_ref.rollout.temperature=0 actor_rollout_ref.rollout.val_kwargs.do_sample=True",
            "verl refuses the config: validation gen temperature",
        ),
    ],
)
def test_what_is_wrong_is_refused_by_its_check(compose, overrides, name, override, sentence):
    found = first_refusal(compose(*overrides, *override.split()))
    assert found is not None
    assert found[0] == name
    assert sentence in found[1]


def test_a_run_that_is_over_is_refused(compose, overrides, tmp_path):
    (tmp_path / "run/global_step_10").mkdir(parents=True)
    (tmp_path / "run/latest_checkpointed_iteration.txt").write_text("10")
    name, sentence = first_refusal(compose(*overrides))
    assert name == "resume"
    assert sentence.startswith("nothing to train")


def test_the_checks_leave_the_config_as_it_is(compose, overrides):
    config = compose(*overrides)
    before = OmegaConf.to_container(config)
    for name, check in checks_before_start(config, HTPO).items():
        if name != "verl":  # sets the device
            check()
    assert OmegaConf.to_container(config) == before
