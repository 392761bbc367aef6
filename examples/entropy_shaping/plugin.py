"""Entries in verl's registries: the policy loss `entropy_shaping` and the advantage estimator `entropy_shaping`."""

from __future__ import annotations

from verl.trainer.ppo.core_algos import get_policy_loss_fn, register_adv_est, register_policy_loss

from examples.entropy_shaping.algorithm import bonus_metrics, entropy_bonus
from examples.entropy_shaping.method import ENTROPY_SHAPING
from recipe.token_level.context import estimator_inputs, loss_inputs
from recipe.token_level.grpo import grpo_advantages


@register_adv_est("entropy_shaping")
def compute_entropy_shaping_advantage(token_level_rewards, response_mask, index=None, config=None, **_):
    """GRPO's advantages and returns, `[B, T]`; the bonus goes beside them, in `EstimatorInputs.token_fields`."""
    inputs = estimator_inputs(ENTROPY_SHAPING)
    trained = inputs.trained(response_mask)
    advantages = grpo_advantages(inputs.keys, token_level_rewards, response_mask, config) * trained
    bonus = entropy_bonus(inputs.padded_entropy(), advantages, inputs.settings)
    inputs.token_fields["entropy_bonus"] = bonus
    inputs.metrics.update(bonus_metrics(bonus, advantages, trained, inputs.settings.kappa))
    return advantages, advantages


@register_policy_loss("entropy_shaping")
def compute_policy_loss_entropy_shaping(
    old_log_prob,
    log_prob,
    advantages,
    response_mask,
    loss_agg_mode="token-mean",
    config=None,
    rollout_is_weights=None,
):
    """verl's PPO-clip with dual clip, on the advantages with their bonus; arguments `[B, T]` each."""
    shaped = advantages + loss_inputs(ENTROPY_SHAPING).token_fields["entropy_bonus"]
    ppo_clip = get_policy_loss_fn("vanilla")
    return ppo_clip(old_log_prob, log_prob, shaped, response_mask, loss_agg_mode, config, rollout_is_weights)
