"""A wrong value ends in one clear sentence before Ray starts."""

import warnings
from dataclasses import replace

import pytest

from recipe.htpo.method import HTPO
from recipe.runs.config_checks import check_run
from recipe.token_level.method import require_known_names
from tests.runs.config.given import GIVEN, SEPARATE


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["htpo.high_entropy_fraction=20"], r"htpo.high_entropy_fraction is 20.*between 0 and 1"),
        (["htpo.variant=figure"], r"htpo.variant is 'figure'.*paper, released"),
        (["+htpo.temperature=1"], r"htpo has no setting 'temperature'; its settings are difficulty_threshold"),
        (["+htpo.clip_ratio_low=0.1"], r"set actor_rollout_ref.actor.clip_ratio_low instead"),
        (["+htpo.objectives.medium_correct_low={}"], r"no group 'medium_correct_low'"),
        (["htpo.objectives.hard_wrong_low.loss=grpo"], r"htpo.objectives.hard_wrong_low.*'grpo'.*ppo_clip"),
        (["actor_rollout_ref.rollout.n=1"], r"rollout.n is 1.*at least 2"),
        (["algorithm.rollout_correction.bypass_mode=True"], r"bypass_mode=True skips the old-log-prob pass"),
        (["trainer.v1.trainer_mode=async"], r"trainer_mode is 'async'.*sync, colocate_async, separate_async"),
        (["trainer.use_v1=False"], r"legacy trainer"),
        (["algorithm.adv_estimator=grpo"], r"set algorithm.adv_estimator=htpo"),
        (["actor_rollout_ref.actor.clip_ratio_low=1.5"], r"actor.clip_ratio_low is 1.5.*between 0 and 1"),
        (["actor_rollout_ref.actor.clip_ratio_c=0.5"], r"actor.clip_ratio_c is 0.5.*greater than 1"),
        (["data.max_response_length=2048"], r"overlong_buffer_cfg.len is 4096 and responses have up to 2048 tokens"),
        (
            ["actor_rollout_ref.rollout.n_gpus_per_node=1", "actor_rollout_ref.rollout.tensor_model_parallel_size=2"],
            r"rollout.n_gpus_per_node is 1 and trainer.n_gpus_per_node 8",
        ),
        ([*SEPARATE, "actor_rollout_ref.rollout.nnodes=0"], r"GPUs of their own.*rollout.nnodes"),
        ([*SEPARATE, "actor_rollout_ref.rollout.n_gpus_per_node=0"], r"GPUs of their own.*rollout.n_gpus_per_node"),
        ([*SEPARATE, "actor_rollout_ref.rollout.checkpoint_engine.backend=naive"], r"checkpoint_engine.backend to nccl"),
        ([*SEPARATE, "trainer.v1.separate_async.parameter_sync_step=3"], r"3 x 32 is not 128"),
        (["htpo.entropy_source=current_policy"], r"set actor_rollout_ref.actor.calculate_entropy=True"),
        (["distillation.enabled=True"], r"distillation.enabled=True"),
        (["reward_model.model.path=judge"], r"reward_model is .*; set reward.reward_model instead"),
        (["trainer.hang_timeout_s=0"], r"trainer.hang_timeout_s is 0; give seconds above 0, or null"),
        (["trainer.hang_timeout_s=soon"], r"trainer.hang_timeout_s is 'soon'"),
        (["trainer.hang_timeout_s=True"], r"trainer.hang_timeout_s is True"),  # taken for a second, it would end the run
        (["reward.reward_kwargs.overlong_buffer_cfg.len=0"], r"overlong_buffer_cfg.len is 0"),
        (
            ["algorithm.rollout_correction.rollout_rs=token_k1", "actor_rollout_ref.rollout.calculate_log_probs=False"],
            r"asks for 'token_k1'.*calculate_log_probs=True",
        ),
        (
            ["algorithm.rollout_correction.rollout_is=token", "actor_rollout_ref.rollout.calculate_log_probs=False"],
            r"asks for 'token'.*calculate_log_probs=True",
        ),
        (["+adaptive_temperature.beta=0.5"], r"adaptive_temperature has no setting 'beta'; its settings are enabled, tau"),
        (["adaptive_temperature.enabled='yes'"], r"adaptive_temperature.enabled is 'yes'; it must be true or false"),
        (
            ["actor_rollout_ref.actor.use_dynamic_bsz=False", "actor_rollout_ref.actor.ulysses_sequence_parallel_size=16"],
            r"sequence parallel size of 16 does not divide 8 GPUs",
        ),
        (
            ["actor_rollout_ref.actor.use_dynamic_bsz=False", "actor_rollout_ref.actor.ulysses_sequence_parallel_size=3"],
            r"sequence parallel size of 3 does not divide 8 GPUs",
        ),
        (
            [
                *SEPARATE,
                *("actor_rollout_ref.actor.use_dynamic_bsz=False", "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=8"),
                "actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu=128",
            ],
            r"log_prob_micro_batch_size_per_gpu is 128, which does not divide 512 responses on 8 ranks evenly",
        ),
        (
            ["actor_rollout_ref.actor.use_dynamic_bsz=False", "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=48"],
            r"ppo_micro_batch_size_per_gpu is 48, which does not divide 512 responses on 8 ranks evenly",
        ),
    ],
)
def test_a_wrong_value_is_one_sentence(compose, overrides, message):
    with pytest.raises(ValueError, match=message) as caught:
        check_run(compose(*GIVEN, *overrides), HTPO)
    assert "\n" not in str(caught.value)


STATIC = ("actor_rollout_ref.actor.use_dynamic_bsz=False", "actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu=null")


@pytest.mark.parametrize(
    "overrides",
    [
        ["reward.reward_kwargs.overlong_buffer_cfg.len=20480"],  # the whole response
        ["trainer.hang_timeout_s=null"],
        ["trainer.hang_timeout_s=0.5"],
        # batches of verl's own making are not looked at
        ["actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=48", "actor_rollout_ref.actor.use_dynamic_bsz=True"],
        # 512 responses on 2 x 8 ranks
        [*STATIC, "trainer.nnodes=2", "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=32"],
        # a loss of verl's own takes any estimator
        ["actor_rollout_ref.actor.policy_loss.loss_mode=vanilla", "algorithm.adv_estimator=grpo"],
    ],
)
def test_what_is_right_is_accepted(compose, overrides):
    check_run(compose(*GIVEN, *overrides), HTPO)


def test_ranks_are_counted_over_all_nodes(compose):
    overrides = [*STATIC, "trainer.nnodes=2", "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=64"]
    with pytest.raises(ValueError, match="is 64, which does not divide 512 responses on 16 ranks evenly"):
        check_run(compose(*GIVEN, *overrides), HTPO)


def test_a_loss_or_estimator_that_verl_does_not_know_is_named(compose):
    require_known_names(compose(*GIVEN))
    with pytest.raises(ValueError, match=r"policy_loss.loss_mode is 'htpoo'; it must be one of .*htpo"):
        require_known_names(compose(*GIVEN, "actor_rollout_ref.actor.policy_loss.loss_mode=htpoo"))
    with pytest.raises(ValueError, match=r"algorithm.adv_estimator is 'grp'; it must be one of .*grpo"):
        require_known_names(compose(*GIVEN, "algorithm.adv_estimator=grp"))


def test_entropies_in_bfloat16_warn(compose):
    for override in (
        "actor_rollout_ref.model.use_remove_padding=False",
        "actor_rollout_ref.actor.entropy_from_logits_with_chunking=False",
    ):
        with pytest.warns(UserWarning, match="computed in bf16.*entropy_from_logits_with_chunking=True"):
            check_run(compose(*GIVEN, override), HTPO)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_run(compose(*GIVEN), HTPO)
        check_run(compose(*GIVEN, "+platform=cpu"), HTPO)


def test_a_methods_own_check_is_asked(compose):
    def check(config):
        raise ValueError(f"not with {config.actor_rollout_ref.rollout.n} responses")

    with pytest.raises(ValueError, match="not with 16 responses"):
        check_run(compose(*GIVEN), replace(HTPO, check=check))


def test_what_must_be_given_is_named(compose):
    for i, key in enumerate(("actor_rollout_ref.model.path", "data.train_files", "data.val_files")):
        with pytest.raises(ValueError, match=f"^{key} is not set"):
            check_run(compose(*GIVEN[:i], *GIVEN[i + 1 :]), HTPO)
