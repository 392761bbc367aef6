"""Entropy-shaped advantages, "Reasoning with Exploration: An Entropy Perspective" (arXiv:2506.14758), in pure torch.

A token gets its advantage A plus a bonus that grows with the policy's entropy H at its position,

    A' = A + min(alpha * H, |A| / kappa)

where H is a constant to the gradient. As kappa > 1, the bonus never turns the sign of an advantage. The loss is PPO's.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from recipe.primitives.ranges import check_not_negative, check_positive


@dataclass(frozen=True)
class EntropyShapingConfig:
    """alpha: bonus per nat of entropy; 0 is DAPO. kappa: the bonus is at most the kappa-th part of |A|.

    Raises:
        ValueError: a value is out of range.
    """

    alpha: float = 0.4
    kappa: float = 2.0

    def __post_init__(self) -> None:
        check_not_negative("entropy_shaping.alpha", self.alpha)
        check_positive("entropy_shaping.kappa", self.kappa, above=1.0)


def entropy_bonus(entropy: torch.Tensor, advantages: torch.Tensor, config: EntropyShapingConfig) -> torch.Tensor:
    """What is added to each token's advantage: `[B, T]`, of the advantages' dtype; entropy (nats), advantages: `[B, T]`."""
    bonus = torch.minimum(config.alpha * entropy.detach(), advantages.abs() / config.kappa)
    return bonus.to(advantages.dtype)


def bonus_metrics(bonus: torch.Tensor, advantages: torch.Tensor, mask: torch.Tensor, kappa: float) -> dict[str, float]:
    """Means over the response tokens: the bonus, and the share (0..1) whose bonus is limited by |A| / kappa.

    Args:
        bonus, advantages: `[B, T]`; advantages before the bonus.
        mask: `[B, T]`, 1 at response tokens.
    """
    mask = mask.bool()
    capped = bonus >= advantages.abs() / kappa
    return {
        "entropy_shaping/bonus": bonus[mask].mean().item(),
        "entropy_shaping/capped_share": capped[mask].float().mean().item(),
    }
