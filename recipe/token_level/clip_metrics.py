"""The three metrics of verl's vanilla policy loss, for losses that have a clip range of their own."""

from __future__ import annotations

import torch

from recipe.primitives.masks import as_float

NAMES = ("actor/pg_clipfrac", "actor/ppo_kl", "actor/pg_clipfrac_lower")


def clip_metrics(log_ratio, advantages, above, below, dual_clipped, mask) -> torch.Tensor:
    """Means over the response tokens, in the order of NAMES, `[3]`; with the meaning they have in verl's loss.

    Takes the arguments of `clip_sums`.
    """
    return clip_means(clip_sums(log_ratio, advantages, above, below, dual_clipped, mask))


def clip_means(sums: torch.Tensor) -> torch.Tensor:
    """`[B, 4]` from `clip_sums` -> `[3]`, of all rows."""
    total = sums.sum(dim=0)
    return total[:3] / total[3].clamp(min=1)


def clip_sums(log_ratio, advantages, above, below, dual_clipped, mask) -> torch.Tensor:
    """`[B, 4]`: of each row what `clip_metrics` are the means of, and how many response tokens it has.

    Args:
        log_ratio, advantages: `[B, T]`.
        above, below: `[B, T]` bool, a ratio outside the clip range.
        dual_clipped: `[B, T]` bool, A < 0 and a ratio above dual clip's bound.
        mask: `[B, T]` bool or 0/1, set at response tokens.
    """
    mask = mask.bool()
    pushed_out = ((advantages < 0) & below) | ((advantages > 0) & above)
    # masked and not a product: what is outside the mask may be NaN
    divergence = log_ratio.clamp(-20, 20).masked_fill_(~mask, 0).neg_()
    columns = (as_float(pushed_out.logical_and_(mask)), divergence, as_float(dual_clipped & mask), as_float(mask))
    return torch.stack([column.sum(dim=1, dtype=torch.float32) for column in columns], dim=1)
