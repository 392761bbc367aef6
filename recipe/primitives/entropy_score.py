"""The signal of HAPO (arXiv:2509.16591) and of adaptive temperatures: the signed normalised log-entropy h of a token, and
the batch statistics behind it.

    z = log(max(H, ENTROPY_FLOOR)) - center       center: the pivot quantile of the batch
    h = z / std / max  for z > 0,  z / std / -min  else     std: root mean square of z; max, min: of z / std

So h is +1 at the batch's highest entropy, -1 at its lowest, 0 at the pivot. std cancels out of h; it is kept because the
authors' code has it, and as something to log. The variant `released` divides by min instead of -min, and h is nowhere negative.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch

from recipe.primitives.finite import check_finite
from recipe.primitives.ragged import at_tokens, covers, like
from recipe.primitives.ranges import VARIANTS, check_choice
from recipe.primitives.ranks import value_at_rank

ENTROPY_FLOOR = 1e-6  # nats; the driver and the sampler must floor alike


class ScoreSettings(Protocol):
    """entropy_pivot: the quantile of the batch's log-entropies at which h is 0. variant: `paper` or `released`."""

    entropy_pivot: float
    variant: str


@dataclass(frozen=True)
class EntropyStatistics:
    """What h needs to know of a batch. Plain numbers: `dataclasses.asdict` of it fits a checkpoint or a request.

    center: log-entropy at which h is 0.
    std: root mean square distance from the center, 0 where all entropies are equal or there are none.
    max, min: largest and smallest distance in units of std, so min <= 0 <= max. A side whose extreme is 0 has h = 0.
    variant: `paper` or `released`, see `ScoreSettings`.

    Raises:
        ValueError: a number is not finite or has the wrong sign, or the variant is unknown.
    """

    center: float = 0.0
    std: float = 0.0
    max: float = 0.0
    min: float = 0.0
    variant: str = "paper"

    def __post_init__(self) -> None:
        numbers = (self.center, self.std, self.max, self.min)
        if not (all(map(math.isfinite, numbers)) and self.std >= 0 and self.min <= 0 <= self.max):
            raise ValueError(f"{self} must have finite numbers, std >= 0 and min <= 0 <= max")
        check_choice("the statistics' variant", self.variant, VARIANTS)

    def metrics(self, prefix: str) -> dict[str, float]:
        """The numbers of the batch's log-entropies, in log nats, as metrics `<prefix>/log_entropy_*`."""
        return {
            f"{prefix}/log_entropy_center": self.center,
            f"{prefix}/log_entropy_std": self.std,
            f"{prefix}/log_entropy_min": self.center + self.std * self.min,
            f"{prefix}/log_entropy_max": self.center + self.std * self.max,
        }

    @property
    def slope_above(self) -> float:
        """Dh / dz for log-entropies above the center; 0 where the batch had none."""
        return 1 / (self.std * self.max) if self.std * self.max > 0 else 0.0

    @property
    def slope_below(self) -> float:
        """Dh / dz for log-entropies below the center, negative for `released`; 0 where the batch had none."""
        size = self.std * -self.min
        slope = 1 / size if size > 0 else 0.0
        return -slope if self.variant == "released" else slope


def entropy_statistics(entropy: torch.Tensor, response_mask: torch.Tensor, config: ScoreSettings) -> EntropyStatistics:
    """Measure the response tokens' entropies: once per step, on the whole batch, so that micro-batches do not matter.

    The results are Python numbers, so a CUDA tensor synchronises; this is meant for the driver.

    Args:
        entropy: floating, nats, computed in float32 unless float64; padded `[B, T]` or, on the CPU, nested `[B, j]`. Entries
            outside the mask are ignored.
        response_mask: bool or 0/1, True at response tokens; in the layout of `entropy`, or padded beside nested entropies.
        config: pivot and variant.

    Returns:
        The statistics; all 0 if there is no response token.

    Raises:
        ValueError: shapes do not fit, or an entropy in the mask is not finite.
    """
    if not covers(response_mask, entropy) or entropy.ndim != 2:
        raise ValueError(
            f"entropy_statistics takes entropy and response_mask [B, T]; got {list(entropy.shape)} and "
            f"{list(response_mask.shape)}"
        )
    mask = response_mask.bool()
    entropy = entropy.detach()
    entropies = at_tokens(entropy, mask)  # [N]
    if len(entropies) == 0:
        return EntropyStatistics(variant=config.variant)
    if not all(x.isfinite() for x in entropies.aminmax()):  # NaN is both
        check_finite(entropy, mask)
    z = _log_entropy(entropies)
    # round() is Python's, to even, as torch.quantile's nearest.
    center = value_at_rank(z, round(config.entropy_pivot * (len(z) - 1)))
    z -= center
    std = z.square().mean().sqrt()
    # std is 0 only if every z is; 0 / 1 then leaves the extremes 0.
    extremes = torch.stack(z.aminmax()) / torch.where(std > 0, std, 1)
    center, std, low, high = torch.cat([torch.stack([center, std]), extremes]).tolist()
    return EntropyStatistics(center=center, std=std, max=high, min=low, variant=config.variant)


def entropy_score(entropy: torch.Tensor, statistics: EntropyStatistics) -> torch.Tensor:
    """Score h of each token, in [-1, 1] (`released`: [0, 1]); entropies beyond those of the statistics are clamped.

    An entry depends on nothing but itself and the statistics. A NaN stays NaN.

    Args:
        entropy: floating, any shape or nested, nats. Entries outside the response mask get a score without a meaning.
        statistics: of the batch that the entropies belong to; in the sampler, of the training step before.

    Returns:
        The shape of `entropy`, float64 if that is, else float32.
    """
    if entropy.is_nested:
        return like(entropy_score(entropy.values(), statistics), entropy)
    z = _log_entropy(entropy.detach()).sub_(statistics.center)
    return torch.where(z > 0, z * statistics.slope_above, z * statistics.slope_below).clamp_(-1, 1)


def _log_entropy(entropy: torch.Tensor) -> torch.Tensor:
    return entropy.to(torch.promote_types(entropy.dtype, torch.float32)).clamp(min=ENTROPY_FLOOR).log_()
