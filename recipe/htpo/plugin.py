"""HTPO's entries in verl's registries: the policy loss `htpo` and the advantage estimator `htpo`.

Loaded in every process of a run, as the `verl.plugins` entry point of this project or by `VERL_USE_EXTERNAL_MODULES`.
"""

from __future__ import annotations

import math
import time

import torch
from verl.trainer.ppo.core_algos import agg_loss, register_adv_est, register_policy_loss

from recipe.htpo.difficulty import label_rows
from recipe.htpo.losses import computed
from recipe.htpo.method import HTPO
from recipe.htpo.metrics import loss_metrics, partition_metrics, row_sums
from recipe.htpo.partition import partition_tokens, ranked_by, row_labels
from recipe.primitives.finite import check_finite, nan_unless_finite
from recipe.rivals.advantage import advantages_by
from recipe.token_level.context import estimator_inputs, loss_inputs
from recipe.token_level.grpo import row_advantages
from recipe.token_level.phantom import phantom_metrics
from recipe.token_level.rows import Rows
from verl_patches.contract import check

check("plugin")


@register_adv_est("htpo")
def compute_htpo_advantage(token_level_rewards, response_mask, index=None, config=None, **_):
    """GRPO advantages, as verl has them, or a rival's; by-product: the token partition, in `EstimatorInputs.token_fields`.

    The prompts and sessions are read from verl's row keys, so that a session with several outputs has one reward, that of
    its last output, and padding rows belong to no prompt. A response that rollout correction has rejected as a whole
    is no member of its prompt's group: it moves neither the baseline nor the accuracy by which the prompt is hard
    (`Rows.members`). A truncated one that overlong filtering keeps from the loss counts in both; its tokens are in no group.

    Args:
        token_level_rewards, response_mask: `[B, T]`.
        config: verl's algorithm config; `norm_adv_by_std_in_grpo` is read.

    Returns:
        advantages and returns, `[B, T]`, 0 at tokens that are not trained on.

    Raises:
        ValueError: the trainer handed over no entropies, they are not finite, or a response has no verdict.
    """
    inputs = estimator_inputs(HTPO)
    mask = response_mask.bool()
    trained = inputs.trained(mask)
    some = response_mask.sum(dim=1, keepdim=True) > 0  # [B, 1], as much of the mask as most of the following needs
    some_trained = inputs.trained(some)
    labels = label_rows(inputs.keys, inputs.acc, inputs.is_padding, inputs.settings.difficulty_threshold, some, some_trained)
    hard, correct = torch.from_numpy(labels.hard), torch.from_numpy(labels.correct)

    advantage = row_advantages(inputs.keys, token_level_rewards, some.squeeze(1), config)
    if inputs.settings.advantage == "grpo":
        advantage = advantage.unsqueeze(1)
    else:
        advantage = _rivals_advantage(inputs, advantage, token_level_rewards, mask, correct)
    advantages = torch.where(trained, advantage, 0)
    moved = torch.where(some_trained, advantage, 0)
    inputs.metrics.update(phantom_metrics("htpo", inputs.keys, inputs.acc, moved, some))

    start = time.perf_counter()
    ranked, border = ranked_by(inputs.entropy, trained, inputs.keys, inputs.settings)
    groups = partition_tokens(ranked, trained, hard, correct, inputs.settings, border)
    measured = partition_metrics(groups, inputs.entropy)
    if not all(map(math.isfinite, measured.values())):
        check_finite(inputs.entropy, trained)
    inputs.token_fields["token_groups"] = groups
    inputs.metrics.update(measured)
    inputs.metrics["htpo/hard_prompt_share"] = labels.hard_prompt_share
    inputs.metrics["htpo/correct_share"] = labels.correct_share
    inputs.metrics["timing_s/token_partition"] = time.perf_counter() - start  # with its metrics
    return advantages, advantages


def _rivals_advantage(inputs, grpo, token_level_rewards, mask, correct) -> torch.Tensor:
    """`[B, 1]` or `[B, T]`, in place of GRPO's `[B]`; it needs the entropies with padding."""
    check_finite(inputs.entropy, mask)
    rows, entropy = Rows.of(inputs.keys), inputs.padded_entropy()
    entropy = torch.nn.functional.pad(entropy, (0, mask.shape[1] - entropy.shape[1]))
    rewards = rows.rewards(token_level_rewards)
    return advantages_by(inputs.settings.advantage, grpo, rewards, correct, entropy, mask, rows.prompt.tolist())


@register_policy_loss("htpo")
def compute_policy_loss_htpo(
    old_log_prob,
    log_prob,
    advantages,
    response_mask,
    loss_agg_mode="token-mean",
    config=None,
    rollout_is_weights=None,
):
    """HTPO's loss of one micro-batch; arguments, `[B, T]` each, and result as verl's own policy losses.

    The metrics are left in `LossInputs`, on the device.

    Raises:
        ValueError: the batch carries no `token_groups`.
    """
    inputs = loss_inputs(HTPO)
    settings = inputs.settings
    groups = inputs.token_fields["token_groups"]
    if settings.entropy_source == "current_policy":
        groups = partition_tokens(inputs.entropy, response_mask, *row_labels(groups), settings)

    factor = None
    if rollout_is_weights is not None:
        factor = rollout_is_weights.masked_fill(groups == 0, 1)  # where there is no token it may be NaN
    if settings.entropy_source == "current_policy":
        finite = nan_unless_finite(inputs.entropy, response_mask)
        factor = finite if factor is None else factor * finite
    found = computed(log_prob, old_log_prob, advantages, groups, settings, factor)
    sums = row_sums(found, advantages, groups, response_mask, settings)
    loss = agg_loss(found.losses, response_mask, loss_agg_mode, **config.global_batch_info)
    inputs.means, inputs.sums = loss_metrics(sums, groups, settings)
    return loss, {}
