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

What a token's group and the sign of its advantage have to do with it are a few numbers, looked up in `_rules`: between which
bounds f = r, below which r another f takes over, and where the gradient is kept. Branches on a mask with as many borders as an
importance ratio has take 10 times as long on a CPU as a clamp or a product, so there are as few as can be.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import torch

from recipe.htpo.settings import HTPOConfig
from recipe.primitives.active import active
from recipe.primitives.masks import as_float
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
    return computed(log_prob, old_log_prob, advantages, token_groups, config).losses


class Computed(NamedTuple):
    """`[B, T]` each; all but the losses are detached. slopes: d loss / d log_prob, before any factor."""

    losses: torch.Tensor
    slopes: torch.Tensor
    log_ratio: torch.Tensor
    ratio: torch.Tensor


def computed(
    log_prob, old_log_prob, advantages, token_groups, config: HTPOConfig, factor: torch.Tensor | None = None
) -> Computed:
    """`token_losses`, and what they were made of.

    factor: `[B, T]` or `[B, 1]`, of losses and gradients, e.g. importance weights; finite where there is no token.
    """
    dtype = torch.promote_types(torch.promote_types(log_prob.dtype, old_log_prob.dtype), torch.float32)
    dtype = torch.promote_types(dtype, advantages.dtype)
    with torch.no_grad():
        log_ratio = log_prob.detach().to(dtype) - old_log_prob.detach().to(dtype)
        ratio = log_ratio.exp()
        loss, kept = _loss_and_kept(ratio, advantages.detach().to(dtype), token_groups, config)
        slope = plain = loss * as_float(kept)
        if factor is not None:
            loss, slope = loss * factor, slope * factor
    return Computed(WithSlope.apply(log_prob, loss, slope), plain, log_ratio, ratio)


def clip_bounds(token_groups: torch.Tensor, config: HTPOConfig, dtype: torch.dtype):
    """The ratios between which a token is not clipped: two numbers, or, where a group has a range of its own, `[B, T]` each."""
    bounds = {config.clip_bounds(cell) for cell in config.objectives.values()}
    if len(bounds) == 1:
        return bounds.pop()
    _, low, high, *_, cells = config.key
    index = token_groups.abs().int().flatten()
    by_id = zip((low, high), *(cell[2:] for cell in cells), strict=True)
    return [_numbers(values, dtype, index.device).index_select(0, index).view_as(token_groups) for values in by_id]


@lru_cache(maxsize=16)
def _numbers(values: tuple, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Filled, not copied: nothing waits for the device."""
    return torch.stack([torch.full((), x, dtype=dtype, device=device) for x in values])


@torch.no_grad()
def active_tokens(log_prob, old_log_prob, advantages, token_groups, config: HTPOConfig) -> torch.Tensor:
    """Tokens on which the loss is not DAPO's, `[B, T]` bool; takes the arguments of `token_losses`.

    Entries outside the response mask have no meaning.
    """
    found = computed(log_prob, old_log_prob, advantages, token_groups, config)
    return active(found.slopes, found.ratio, advantages, config)


def _loss_and_kept(ratio, advantages, groups, config: HTPOConfig):
    """Losses, and where the gradient is kept, bool; `[B, T]`."""
    rules = _rules(config.key, ratio.dtype, ratio.device)
    # From 0 to 16 for A >= 0, then as many for A < 0; on int8, which costs next to nothing.
    index = (advantages < 0).to(torch.int8).mul(17).add_(groups).add_(8).int().flatten()

    def of(values: torch.Tensor) -> torch.Tensor:
        return values.index_select(0, index).view_as(ratio)

    # PPO's clip, dual clip and the limit of the log-ratio together are one clamp of the ratio.
    factor = torch.clamp(ratio, of(rules.least), of(rules.greatest))
    # Only what the clamp has left as it was has a gradient. A NaN does not count as left, and stays NaN in the product below.
    kept = factor == ratio
    if rules.below is not None:
        reverse = torch.minimum(factor.reciprocal(), of(rules.cap))
        factor = torch.where(ratio < of(rules.below), reverse if config.variant == "paper" else reverse.neg_(), factor)
    if rules.above is not None:
        above = ratio > of(rules.above)
        factor = torch.where(above, -of(rules.above), factor)
        kept |= above
    if rules.kept_below is not None:
        kept |= ratio <= of(rules.kept_below)

    loss = factor.mul_(advantages).neg_()
    if rules.weight is not None:
        loss *= of(rules.weight)
    loss.masked_fill_(groups <= 0, 0)
    return loss, kept


class _Rules(NamedTuple):
    """Numbers for each id of a token, from -8 to 8, and sign of its advantage: `[2 * 17]`. NaN: never; None: never for any.

    least, greatest: f = r between them, else the bound.
    below, cap: for r < below f = min(1 / r, cap), with the opposite sign in `released`.
    above: for r > above f = -above, in `released`.
    kept_below: for r <= kept_below the gradient is kept although f is not r.
    weight: of the objective.
    """

    least: torch.Tensor
    greatest: torch.Tensor
    below: torch.Tensor | None
    cap: torch.Tensor | None
    above: torch.Tensor | None
    kept_below: torch.Tensor | None
    weight: torch.Tensor | None


@lru_cache(maxsize=16)
def _rules(key: tuple, dtype: torch.dtype, device: torch.device) -> _Rules:
    """From `HTPOConfig.key`; made once in a process, so that no step waits for numbers to be sent to a device."""
    variant, low, high, dual, max_reverse_ratio, objectives = key
    no_loss = [("ppo_clip", 1.0, low, high)] * 9  # of ids that are 0 or negative
    cells = [
        (*_rule(loss, sign, variant, low, high, dual, max_reverse_ratio), weight)
        for sign in (1, -1)
        for loss, weight, low, high in (*no_loss, *objectives)
    ]
    *columns, weights = zip(*cells, strict=True)
    numbers = [_numbers(values, dtype, device) if any(x == x for x in values) else None for values in columns]
    return _Rules(*numbers, None if set(weights) == {1.0} else _numbers(weights, dtype, device))


def _rule(loss: str, sign: int, variant: str, low: float, high: float, dual: float, max_reverse_ratio: float) -> tuple:
    """What `_Rules` has for one cell, but for its weight."""
    tiny, huge, never = math.exp(-LOG_RATIO_LIMIT), math.exp(LOG_RATIO_LIMIT), math.nan
    clipped = (tiny, high) if sign > 0 else (max(low, tiny), min(dual, huge))
    if loss == "cispo":
        return (max(low, tiny), high, never, never, never, math.inf)
    if variant == "paper":
        # The figure's objectives, each only for the sign of the advantage that it was designed for.
        if loss == "encourage" and sign > 0:
            return (*clipped, low, max_reverse_ratio, never, math.inf)
        return (*clipped, never, never, never, low if loss == "penalize" and sign < 0 else never)
    # The released code: outside the clip range the term is ADDED to the loss, whatever the advantage's sign, uncapped.
    plain = (tiny, huge if sign > 0 else min(dual, huge))
    if loss == "encourage":
        return (*plain, low, math.inf, high, low)
    if loss == "penalize":
        return (*plain, low, low, never, low)
    return (*clipped, never, never, never, never)
