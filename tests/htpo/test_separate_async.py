"""Training and rollouts on ranks of their own: weights travel through a checkpoint engine, rollouts are of older weights."""

import pytest

from recipe.htpo import GROUPS
from tests.training import Run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

SEPARATE = (
    "trainer.v1.trainer_mode=separate_async",
    "actor_rollout_ref.hybrid_engine=False",  # no vLLM on the training ranks
    "actor_rollout_ref.rollout.nnodes=1",
    "actor_rollout_ref.rollout.n_gpus_per_node=1",
    "actor_rollout_ref.rollout.checkpoint_engine.backend=zmq",
    "actor_rollout_ref.rollout.checkpoint_engine.update_weights_bucket_megabytes=0",  # enlarged to fit the largest tensor
    "ray_kwargs.ray_init.num_gpus=2",
    "trainer.v1.separate_async.parameter_sync_step=2",
    "trainer.v1.separate_async.num_warmup_batches=1",
    "algorithm.rollout_correction.rollout_is=token",
    "adaptive_temperature.enabled=True",
    # What a GPU has: bf16 and unpadded batches through FlashAttention's code path.
    "actor_rollout_ref.model.use_remove_padding=True",
    "actor_rollout_ref.model.override_config.attn_implementation=flash_attention_2",
    "actor_rollout_ref.model.enable_gradient_checkpointing=True",
    "actor_rollout_ref.actor.fsdp_config.mixed_precision.param_dtype=bf16",
)


def test_rollouts_of_older_weights_are_trained_on(demo_inputs, tmp_path):
    steps = Run(demo_inputs, tmp_path, *SEPARATE, "trainer.total_training_steps=3").start().finish()
    assert sorted(steps) == [1, 2, 3]
    for step, data in steps.items():
        assert data["training/off_policy/trajectory_staleness/max"] == (0 if step == 1 else 1)
        assert sum(data[f"htpo/{name}/token_share"] for name in GROUPS) == pytest.approx(1)
        assert data["actor/grad_norm"] > 0
        assert data["timing_s/token_partition"] > 0
    # vLLM starts with random weights. Those of the first step are the trainer's, but for bf16 and one update in between.
    assert steps[1]["training/rollout_probs_diff_mean"] < 0.15
    assert steps[1]["critic/score/mean"] > 0.1
