"""Settings of HAPO (arXiv:2509.16591): where high entropy begins, and which of the four parts are on.

Pure Python, without verl, Ray or torch.
"""

from __future__ import annotations

from dataclasses import dataclass

from recipe.token_level.checks import check_choice, check_clip_range, check_fraction

VARIANTS = ("paper", "released")


@dataclass(frozen=True)
class HAPOConfig:
    """All of HAPO's settings, checked when built.

    entropy_pivot: the quantile of the batch's log-entropies at which the score h is 0; above it a token is high-entropy.
    adaptive_clip: widen the clip range by h: upwards for high-entropy tokens, downwards for the others.
    clip_alpha: by which share at |h| = 1 (1 doubles the side).
    adaptive_advantage: scale the advantage of exploratory high- and of conservative low-entropy tokens by 1 + adv_beta * h.
    adv_beta: at most 1, because above it the advantage of the lowest-entropy tokens would change its sign.
    token_level_advantage: mean and deviation over all tokens of a prompt's responses; false: GRPO's, over the responses.
    norm_adv_by_std: divide advantages by the deviation.
    adaptive_temperature: sample the next token at T * (1 + temperature_tau * h).
    temperature_tau: below 1, because at 1 the lowest-entropy positions would be sampled at temperature 0.
    variant: `paper` has h in [-1, 1]; `released` computes what the authors' published code computes, where h >= 0: the
        lowest-entropy token gets +1 too, and the advantage's outlier check sees the padding.
    clip_ratio_low, clip_ratio_high, clip_ratio_c: PPO's clip range at h = 0, and dual clip. In a training run they are taken
        from `actor_rollout_ref.actor`, not from here.

    Raises:
        ValueError: a value is out of range or a name is unknown; the message says which and what is allowed.
    """

    entropy_pivot: float = 0.8
    adaptive_clip: bool = True
    clip_alpha: float = 1.0
    adaptive_advantage: bool = True
    adv_beta: float = 1.0
    token_level_advantage: bool = True
    norm_adv_by_std: bool = True
    adaptive_temperature: bool = True
    temperature_tau: float = 0.05
    variant: str = "paper"
    clip_ratio_low: float = 0.2
    clip_ratio_high: float = 0.2
    clip_ratio_c: float = 10.0

    def __post_init__(self) -> None:
        switches = ("adaptive_clip", "adaptive_advantage", "token_level_advantage", "norm_adv_by_std", "adaptive_temperature")
        for name in switches:
            # The string "false" would switch a part on without a word.
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"hapo.{name} is {getattr(self, name)!r}; it must be true or false")
        for name in ("entropy_pivot", "adv_beta"):
            check_fraction(f"hapo.{name}", getattr(self, name))
        _check_not_negative("hapo.clip_alpha", self.clip_alpha)
        check_tau("hapo.temperature_tau", self.temperature_tau)
        check_choice("hapo.variant", self.variant, VARIANTS)
        check_clip_range(self)


def check_tau(name: str, value) -> None:
    """Raise ValueError unless `value` may be a `temperature_tau`."""
    _check_not_negative(name, value, below=1.0)


def _check_not_negative(name: str, value, below: float = float("inf")) -> None:
    """Raise ValueError unless 0 <= value < below."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < below:
        limit = "" if below == float("inf") else f" and below {below:g}"
        raise ValueError(f"{name} is {value!r}; it must be a finite number of at least 0{limit}")
