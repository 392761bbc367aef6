"""Settings of Adaptive Temperature Sampling (arXiv:2509.16591). Pure Python, without verl, Ray or torch."""

from __future__ import annotations

from dataclasses import dataclass

from recipe.primitives.ranges import VARIANTS, check_choice, check_fraction, check_not_negative

NODE = "adaptive_temperature"  # of the config


@dataclass(frozen=True)
class AdaptiveTemperatureConfig:
    """The next token is sampled at T * (1 + tau * h), with h its position's entropy score by the last step's statistics.

    enabled: whether it is.
    tau: 0 changes nothing; below 1, because at 1 the lowest-entropy positions would be sampled at temperature 0.
    entropy_pivot: the quantile of the batch's log-entropies at which h is 0.
    variant: `paper` has h in [-1, 1]; `released`, as the authors' code, h >= 0.

    Raises:
        ValueError: a value is out of range or a name is unknown; the message says which and what is allowed.
    """

    enabled: bool = False
    tau: float = 0.05
    entropy_pivot: float = 0.8
    variant: str = "paper"

    def __post_init__(self) -> None:
        if not isinstance(self.enabled, bool):
            raise ValueError(f"{NODE}.enabled is {self.enabled!r}; it must be true or false")
        check_tau(f"{NODE}.tau", self.tau)
        check_fraction(f"{NODE}.entropy_pivot", self.entropy_pivot)
        check_choice(f"{NODE}.variant", self.variant, VARIANTS)


def check_tau(name: str, value) -> None:
    """Raise ValueError unless `value` may be a `tau`."""
    check_not_negative(name, value, below=1.0)
