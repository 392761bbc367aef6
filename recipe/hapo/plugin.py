"""HAPO's entries in verl's registries: the policy loss `hapo` and the advantage estimator `hapo`.

Loaded in every process of a run, as the `verl.plugins` entry point of this project or by `VERL_USE_EXTERNAL_MODULES`.
"""

from __future__ import annotations

import time
from dataclasses import replace

import torch
from verl.trainer.ppo.core_algos import agg_loss, register_adv_est, register_policy_loss

from recipe.hapo.advantages import rescaled_share, row_advantages
from recipe.hapo.losses import token_losses
from recipe.hapo.method import HAPO
from recipe.hapo.metrics import loss_metrics
from recipe.primitives.entropy_score import entropy_score, entropy_statistics
from recipe.token_level.context import estimator_inputs, loss_inputs
from recipe.token_level.phantom import phantom_metrics
from recipe.token_level.rows import Rows
from verl_patches.contract import check

check("plugin")


@register_adv_est("hapo")
def compute_hapo_advantage(token_level_rewards, response_mask, index=None, config=None, **_):
    """HAPO's advantages; beside them the entropy scores, left in `EstimatorInputs.token_fields`, and their statistics.

    The prompts and sessions are read from verl's row keys, so that a session with several outputs has one reward, that of
    its last output, and padding rows belong to no prompt. What rollout correction has rejected is in no mean over tokens, and a
    response rejected as a whole no member of GRPO's fallback (`Rows.members`). A truncated response that overlong filtering
    keeps from the loss stays in the baseline with its tokens, and is in no statistics of entropies.

    Args:
        token_level_rewards, response_mask: `[B, T]`.

    Returns:
        advantages and returns, `[B, T]`, 0 at tokens that are not trained on.

    Raises:
        ValueError: the trainer handed over no entropies, or they are not finite.
    """
    inputs = estimator_inputs(HAPO)
    start = time.perf_counter()
    mask = response_mask.bool()
    trained = inputs.trained(mask)
    inputs.statistics = entropy_statistics(inputs.entropy, trained, inputs.settings)
    inputs.token_fields["entropy_score"] = entropy_score(inputs.entropy, inputs.statistics)
    inputs.metrics.update(inputs.statistics.metrics("hapo"))
    inputs.metrics["timing_s/entropy_score"] = time.perf_counter() - start

    rows = Rows.of(inputs.keys)
    lengths = response_mask.sum(dim=1)
    some = (lengths > 0).unsqueeze(1)
    member, acc = rows.members(some), torch.from_numpy(inputs.acc[rows.last_row][rows.session])
    rewards, width = rows.rewards(token_level_rewards), mask.shape[1]
    found = row_advantages(rewards, lengths, width, rows.prompt.tolist(), inputs.settings, rows.session, member, acc)
    advantage = found.advantage.to(torch.promote_types(token_level_rewards.dtype, torch.float32)).unsqueeze(1)
    advantages = torch.where(trained, advantage, 0)
    if inputs.settings.token_level_advantage:
        plain = replace(inputs.settings, token_level_advantage=False)
        grpo = row_advantages(rewards, lengths, width, rows.prompt.tolist(), plain, rows.session, member, acc).advantage
        inputs.metrics["hapo/token_level_advantage/active_share"] = rescaled_share(found.advantage, grpo, trained.sum(dim=1))
    prompts = set(rows.prompt[~inputs.is_padding])
    inputs.metrics["hapo/grpo_fallback_share"] = len(prompts & set(rows.prompt[found.fallback.numpy()])) / max(len(prompts), 1)
    moved = torch.where(inputs.trained(some), advantage, 0)
    inputs.metrics.update(phantom_metrics("hapo", inputs.keys, inputs.acc, moved, some))
    return advantages, advantages


@register_policy_loss("hapo")
def compute_policy_loss_hapo(
    old_log_prob,
    log_prob,
    advantages,
    response_mask,
    loss_agg_mode="token-mean",
    config=None,
    rollout_is_weights=None,
):
    """HAPO's loss of one micro-batch; arguments, `[B, T]` each, and result as verl's own policy losses.

    The metrics are left in `LossInputs`, on the device.

    Raises:
        ValueError: the batch carries no `entropy_score`.
    """
    inputs = loss_inputs(HAPO)
    settings = inputs.settings
    score = inputs.token_fields["entropy_score"]
    losses = token_losses(log_prob, old_log_prob, advantages, score, settings)
    if rollout_is_weights is not None:
        losses = losses * rollout_is_weights
    loss = agg_loss(losses, response_mask, loss_agg_mode, **config.global_batch_info)
    inputs.means, inputs.sums = loss_metrics(losses, log_prob, old_log_prob, advantages, score, response_mask, settings)
    return loss, {}
