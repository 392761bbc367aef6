"""Which tokens are active: a method's loss pulls at them otherwise than DAPO's, PPO's clip with dual clip, would.

Where no token is, a run of the method is a run of DAPO, whatever it is called.
"""

from __future__ import annotations

import math
from typing import Protocol

import torch

from recipe.primitives.slope import LOG_RATIO_LIMIT


class ClipRange(Protocol):
    """PPO's clip range and dual clip, which every method's settings have."""

    clip_ratio_low: float
    clip_ratio_high: float
    clip_ratio_c: float


def clip_slope(ratio: torch.Tensor, advantages: torch.Tensor, clip: ClipRange) -> torch.Tensor:
    """The derivative of DAPO's loss of a token by its log-prob: `-ratio * A`, 0 where the clip drops the gradient.

    Args:
        ratio: pi / pi_old, not clamped. advantages: of the same shape.
    """
    least = max(1 - clip.clip_ratio_low, math.exp(-LOG_RATIO_LIMIT))
    most = min(clip.clip_ratio_c, math.exp(LOG_RATIO_LIMIT))
    kept_negative = (ratio >= least) & (ratio <= most)
    kept_positive = (ratio >= math.exp(-LOG_RATIO_LIMIT)) & (ratio <= 1 + clip.clip_ratio_high)
    kept = torch.where(advantages < 0, kept_negative, kept_positive)
    return (ratio * advantages).neg_().masked_fill_(~kept, 0)


def active(slope: torch.Tensor, ratio: torch.Tensor, advantages: torch.Tensor, clip: ClipRange) -> torch.Tensor:
    """Bool: tokens whose `slope`, the derivative of a method's loss of a token by its log-prob, is not DAPO's, exactly.

    The slope is that before importance weights and aggregation, which both losses share. What a method does to advantages,
    sampling or the KL is not looked at. A NaN is active. Entries outside the response mask have no meaning.
    """
    return slope != clip_slope(ratio, advantages, clip)
