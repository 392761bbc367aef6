"""HAPO's Adaptive Temperature Sampling (arXiv:2509.16591): the next token is drawn at T * (1 + tau * h).

h is the score of the entropy that the position's own distribution has at T, by the statistics of an earlier batch, so
high-entropy positions are sampled hotter and low-entropy ones cooler. A row with tau = 0 is left exactly as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

import torch

from recipe.adaptive_temperature.settings import check_tau
from recipe.primitives.entropy_score import ENTROPY_FLOOR, EntropyStatistics

REQUEST_KEY = "adaptive_temperature"  # of a request's extra arguments
_LOWEST = -1e4  # a logit that far below the maximum has no probability in float32


def request_parameters(statistics: EntropyStatistics, tau: float) -> dict[str, Any]:
    """What a request carries under REQUEST_KEY: plain numbers and the variant's name."""
    return {"tau": tau} | asdict(statistics)


class RowParameters(NamedTuple):
    """What one row of logits needs; the defaults leave it alone."""

    tau: float = 0.0
    center: float = 0.0
    slope_above: float = 0.0
    slope_below: float = 0.0

    @classmethod
    def of_request(cls, given: Any) -> RowParameters:
        """From what `request_parameters` made, or None for an ordinary row. ValueError for anything else."""
        if given is None:
            return cls()
        try:
            if not isinstance(given, Mapping):
                raise TypeError("it must be a mapping")
            rest = dict(given)
            tau = rest.pop("tau")
            check_tau("tau", tau)
            statistics = EntropyStatistics(**rest)
        except (KeyError, OverflowError, TypeError, ValueError) as error:
            raise ValueError(f"{REQUEST_KEY}={given!r} in a request: {type(error).__name__}: {error}") from None
        return cls(tau, statistics.center, statistics.slope_above, statistics.slope_below)


def log_entropy(logits: torch.Tensor) -> torch.Tensor:
    """Logarithm of the entropy in nats of softmax(logits), floored as on the driver: `[B, V]` -> `[B]`.

    Computed as log(sum exp z) + E[-z] with z the distance to the row's maximum. Both terms are positive, so they do not cancel
    where the policy is nearly certain; float32 is some percent off right above the floor. Logits of -inf count nothing.
    """
    z = logits - logits.amax(dim=-1, keepdim=True)
    weight = z.exp()
    total = weight.sum(dim=-1)
    # In place, so that eager execution needs two temporaries; the clamp, because 0 * -inf is NaN.
    entropy = total.log() - weight.mul_(z.clamp_(min=_LOWEST)).sum(dim=-1) / total
    return entropy.clamp(min=ENTROPY_FLOOR).log()


def adapt_temperature(logits: torch.Tensor, parameters: torch.Tensor) -> torch.Tensor:
    """Divide each row by 1 + tau * h, in place.

    Args:
        logits: `[B, V]` float32, divided by T already.
        parameters: `[4, B]` float32, a column for each row: its `RowParameters`.

    Returns:
        `logits`.
    """
    tau, center, slope_above, slope_below = parameters
    z = log_entropy(logits) - center
    score = torch.where(z > 0, z * slope_above, z * slope_below).clamp(-1, 1)
    # The choice, and not the product with tau = 0 alone, keeps a row with NaN or infinite logits as it is.
    factor = torch.where(tau > 0, 1 + tau * score, 1.0)
    return logits.div_(factor.unsqueeze(-1))
