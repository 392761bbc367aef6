"""The three metrics of verl's vanilla policy loss, for losses that have a clip range of their own."""

from __future__ import annotations

import torch

NAMES = ("actor/pg_clipfrac", "actor/ppo_kl", "actor/pg_clipfrac_lower")


def clip_metrics(log_ratio, advantages, above, below, dual_clipped, mask) -> torch.Tensor:
    """Means over the response tokens, in the order of NAMES, `[3]`; with the meaning they have in verl's loss.

    Args:
        log_ratio, advantages: `[B, T]`.
        above, below: `[B, T]` bool, a ratio outside the clip range.
        dual_clipped: `[B, T]` bool, A < 0 and a ratio above dual clip's bound.
        mask: `[B, T]` bool or 0/1, set at response tokens.
    """
    mask = mask.bool()
    pushed_out = ((advantages < 0) & below) | ((advantages > 0) & above)
    pushed, dual, tokens = torch.stack([pushed_out.logical_and_(mask), dual_clipped & mask, mask]).sum(dim=(1, 2))
    # masked and not a product: what is outside the mask may be NaN
    divergence = log_ratio.clamp(-20, 20).masked_fill_(~mask, 0).sum().neg()
    return torch.stack([pushed, divergence, dual]) / tokens.clamp(min=1)
