"""HTPO's loss per token (arXiv:2605.08283), and by other fillings of the objective table DAPO's, 80/20's and CISPO's.

Every objective here is `-A * f` with a weight f that depends on the importance ratio r = pi / pi_old:

    inside the clip range           f = r                           for all
    ppo_clip, pushed out of it      f = the border                  gradient dropped
    ppo_clip, on the other side     f = r (for A < 0 at most clip_ratio_c, the dual clip, where the gradient is dropped)
    encourage (A > 0)               above f = 1 + eps_high, below f = min(1 / r, max_reverse_ratio), gradient kept
    penalize (A < 0)                below f = 1 - eps_low, gradient kept
    cispo                           f = clip(r), gradient kept

"Gradient kept" is the paper's `f * pi / sg[pi]`: its value is f, its derivative by log pi is f. f = r has the derivative r.
So wherever the gradient is not dropped, d loss / d log_prob equals the loss itself, and value and gradient are computed
together without an autograd graph.
"""

from __future__ import annotations

import torch

from recipe.htpo.objectives import GROUPS
from recipe.htpo.partition import is_any_of
from recipe.htpo.settings import HTPOConfig
from recipe.primitives.slope import LOG_RATIO_LIMIT, WithSlope


def token_losses(
    log_prob: torch.Tensor,
    old_log_prob: torch.Tensor,
    advantages: torch.Tensor,
    token_groups: torch.Tensor,
    config: HTPOConfig,
) -> torch.Tensor:
    """Loss of each token after dual clip, before aggregation over the response mask.

    Args:
        log_prob: `[B, T]`, current policy; the only input that gets a gradient.
        old_log_prob: `[B, T]`, the policy that the clip range is around.
        advantages: `[B, T]`.
        token_groups: `[B, T]` int8 from `partition_tokens`; 0 and negative entries have loss 0.
        config: objectives, clip range and variant.

    Returns:
        `[B, T]`, float64 if any floating input is, else float32; 0 outside the groups.
    """
    dtype = torch.promote_types(torch.promote_types(log_prob.dtype, old_log_prob.dtype), torch.float32)
    dtype = torch.promote_types(dtype, advantages.dtype)
    with torch.no_grad():
        loss, slope = _loss_and_slope(
            log_prob.detach().to(dtype), old_log_prob.detach().to(dtype), advantages.detach().to(dtype), token_groups, config
        )
    return WithSlope.apply(log_prob, loss, slope)


def _loss_and_slope(log_prob, old_log_prob, advantages, groups, config: HTPOConfig):
    low, high, dual = 1 - config.clip_ratio_low, 1 + config.clip_ratio_high, config.clip_ratio_c
    log_ratio = log_prob - old_log_prob
    ratio = log_ratio.clamp(-LOG_RATIO_LIMIT, LOG_RATIO_LIMIT).exp_()
    negative = advantages < 0

    # PPO's clip and dual clip together are one clamp of the ratio: to at most `high` for A >= 0, to [low, dual] for A < 0.
    factor = torch.where(negative, ratio.clamp(low, dual), ratio.clamp(max=high))
    # Comparisons are written so that NaN does not count as dropped: a NaN must reach the gradient norm, not vanish.
    flat = log_ratio.abs() > LOG_RATIO_LIMIT
    dropped = (factor < ratio) | (factor > ratio) | flat

    if config.variant == "released":
        factor, dropped = _released(factor, dropped, flat, ratio, negative, groups, config)
    else:
        factor, dropped = _paper(factor, dropped, ratio, negative, groups, config)
    if ids := config.groups_with(loss="cispo"):
        kept = is_any_of(groups, ids)
        factor = torch.where(kept, ratio.clamp(low, high), factor)
        dropped &= ~kept

    loss = (factor * advantages).neg_()
    for i, name in enumerate(GROUPS, start=1):
        if (weight := config.objectives[name].weight) != 1:
            loss = torch.where(groups == i, loss * weight, loss)
    loss.masked_fill_(groups <= 0, 0)
    return loss, loss.masked_fill(dropped, 0)


def _paper(factor, dropped, ratio, negative, groups, config: HTPOConfig):
    """The figure's objectives, each only for the sign of the advantage that it was designed for."""
    if ids := config.groups_with(loss="encourage"):
        kept = is_any_of(groups, ids) & ~negative
        below = kept & (ratio < 1 - config.clip_ratio_low)
        factor = torch.where(below, ratio.reciprocal().clamp_(max=config.max_reverse_ratio), factor)
        dropped &= ~kept
    if ids := config.groups_with(loss="penalize"):
        dropped &= ~(is_any_of(groups, ids) & negative & (ratio < 1 - config.clip_ratio_low))
    return factor, dropped


def _released(factor, dropped, flat, ratio, negative, groups, config: HTPOConfig):
    """The released code: outside the clip range the term is ADDED to the loss, whatever the advantage's sign, uncapped."""
    below, above = ratio < 1 - config.clip_ratio_low, ratio > 1 + config.clip_ratio_high
    for name in ("encourage", "penalize"):
        if not (ids := config.groups_with(loss=name)):
            continue
        if name == "encourage":
            kept = below | above
            value = torch.where(below, -ratio.reciprocal(), torch.where(above, -(1 + config.clip_ratio_high), ratio))
        else:
            kept = below
            value = torch.where(below, -(1 - config.clip_ratio_low), ratio)
        cut = negative & (value > config.clip_ratio_c)
        member = is_any_of(groups, ids)
        factor = torch.where(member, torch.where(cut, config.clip_ratio_c, value), factor)
        dropped = torch.where(member, cut | (flat & ~kept), dropped)
    return factor, dropped
