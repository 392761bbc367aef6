"""HAPO's loss per token (arXiv:2509.16591): PPO-clip with dual clip, whose range and advantage follow the score h.

    Asymmetric Adaptive Clipping              h > 0   eps_high' = eps_high * (1 + alpha * h), eps_low' = eps_low
                                              h <= 0  eps_low' = eps_low * (1 - alpha * h), eps_high' = eps_high
    Differential Advantage Redistribution     A' = A * (1 + beta * h)  for h > 0 outside the neutral zone (exploratory) and
                                              for h <= 0 inside it (conservative), else A' = A
    neutral zone                              1 - eps_low' / 2 < r < 1 + eps_high' / 2

Everything vanishes as h goes to 0, so a rounding error around the pivot changes nothing. The bounds and A' are constants to
the gradient: the loss is -A' * f with f the clamped ratio, and d loss / d log_prob is the loss itself or, clipped, 0.
Value and gradient are computed together without an autograd graph.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache, reduce

import torch

from recipe.hapo.settings import HAPOConfig
from recipe.primitives.active import clip_slope
from recipe.primitives.slope import LOG_RATIO_LIMIT, WithSlope

LOSS_PARTS = ("adaptive_clip", "adaptive_advantage")


def token_losses(
    log_prob: torch.Tensor,
    old_log_prob: torch.Tensor,
    advantages: torch.Tensor,
    score: torch.Tensor,
    config: HAPOConfig,
) -> torch.Tensor:
    """Loss of each token after dual clip, before aggregation over the response mask.

    Args:
        log_prob: `[B, T]`, current policy; the only input that gets a gradient.
        old_log_prob: `[B, T]`, the policy that the clip range is around.
        advantages: `[B, T]` from `token_level_group_advantage`.
        score: `[B, T]` from `entropy_score`.
        config: clip range, and which parts are on. With `adaptive_clip` and `adaptive_advantage` off: PPO-clip.

    Returns:
        `[B, T]`, float64 if any floating input is, else float32. Outside the response mask it has no meaning.

    Raises:
        ValueError: shapes differ.
    """
    inputs = (log_prob, old_log_prob, advantages, score)
    if any(x.shape != log_prob.shape for x in inputs):
        raise ValueError(
            "token_losses takes log_prob, old_log_prob, advantages and score of one shape; got "
            + ", ".join(str(list(x.shape)) for x in inputs)
        )
    with torch.no_grad():
        loss, slope = _loss_and_slope(*_of_one_dtype(*inputs), config)
    return WithSlope.apply(log_prob, loss, slope)


@torch.no_grad()
def active_tokens(log_prob, old_log_prob, advantages, score, config: HAPOConfig) -> dict[str, torch.Tensor]:
    """Tokens on which the loss is not PPO's clip, `[B, T]` bool: by "" of the whole loss, by "<part>/" of each part alone.

    Takes the arguments of `token_losses`; clip range and advantages are the same for both. Empty if no part of the loss is on.
    Entries outside the response mask have no meaning.
    """
    if not (parts := loss_parts(config)):
        return {}
    inputs = _of_one_dtype(log_prob, old_log_prob, advantages, score)
    plain = clip_slope((inputs[0] - inputs[1]).exp(), inputs[2], config)
    whole = _loss_and_slope(*inputs, config)[1] != plain
    alone = {f"{part}/": whole if its == config else _loss_and_slope(*inputs, its)[1] != plain for part, its in parts.items()}
    return {"": whole} | alone


@lru_cache(maxsize=16)
def loss_parts(config: HAPOConfig) -> dict[str, HAPOConfig]:
    """The parts of the loss that are on, each alone: by the name of its switch, the settings without the other."""
    on = [name for name in LOSS_PARTS if getattr(config, name)]
    return {part: replace(config, **{name: name == part for name in LOSS_PARTS}) for part in on}


def _of_one_dtype(*inputs: torch.Tensor) -> list[torch.Tensor]:
    dtype = reduce(torch.promote_types, (x.dtype for x in inputs), torch.float32)
    return [x.detach().to(dtype) for x in inputs]


def clip_range(score: torch.Tensor, config: HAPOConfig) -> tuple[torch.Tensor, torch.Tensor]:
    """eps_low' and eps_high' of each token, `[B, T]`."""
    alpha = config.clip_alpha if config.adaptive_clip else 0.0
    # For h <= 0 the high side keeps h = 0, and for h > 0 the low side.
    low = config.clip_ratio_low * (1 - alpha * score.clamp(max=0))
    high = config.clip_ratio_high * (1 + alpha * score.clamp(min=0))
    return low, high


def redistributed(ratio: torch.Tensor, score: torch.Tensor, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    """Whose advantage is scaled: exploratory high-entropy and conservative low-entropy tokens; `[B, T]` bool."""
    neutral = (ratio > 1 - low / 2) & (ratio < 1 + high / 2)
    return (score > 0) ^ neutral


def _loss_and_slope(log_prob, old_log_prob, advantages, score, config: HAPOConfig):
    log_ratio = log_prob - old_log_prob
    ratio = log_ratio.clamp(-LOG_RATIO_LIMIT, LOG_RATIO_LIMIT).exp_()
    low, high = clip_range(score, config)

    if config.adaptive_advantage:
        scaled = advantages * (1 + config.adv_beta * score)
        advantages = torch.where(redistributed(ratio, score, low, high), scaled, advantages)

    # PPO's clip and dual clip together are one clamp of the ratio: to at most 1 + high for A >= 0, to [1 - low, c] for A < 0.
    factor = torch.where(
        advantages < 0, torch.maximum(ratio, 1 - low).clamp_(max=config.clip_ratio_c), torch.minimum(ratio, 1 + high)
    )
    # Comparisons are written so that NaN does not count as dropped: a NaN must reach the gradient norm, not vanish.
    dropped = (factor < ratio) | (factor > ratio) | (log_ratio.abs() > LOG_RATIO_LIMIT)
    loss = (factor * advantages).neg_()
    return loss, loss.masked_fill(dropped, 0)
