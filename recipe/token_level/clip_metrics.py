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
        mask: `[B, T]` float, 1 at response tokens.
    """
    pushed_out = torch.where(advantages < 0, below, above & (advantages > 0))
    # where and not a product: what is outside the mask may be NaN
    sums = [torch.where(mask > 0, x, 0).sum() for x in (pushed_out, -log_ratio.clamp(-20, 20), dual_clipped)]
    return torch.stack(sums) / mask.sum().clamp(min=1)
