"""Settings of HAPO (arXiv:2509.16591): where high entropy begins, and which of its three parts are on.

Its fourth part, sampling, is `recipe.adaptive_temperature`, which has settings of its own.

Pure Python, without verl, Ray or torch.
"""

from __future__ import annotations

from dataclasses import dataclass

from recipe.primitives.ranges import VARIANTS, check_choice, check_clip_range, check_fraction, check_not_negative

EQUAL_ACC = ("normalised", "raw", "drop")


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
    equal_acc: what a prompt trains on whose responses all have the same verdict, where rewards differ by a penalty (for
        length, say) only: `normalised`, as every prompt, which gives the least penalty the size of a verdict (the authors'
        setting); `raw`, R - mean, not divided by the deviation, so that a penalty has its own size; `drop`, nothing (A = 0).
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
    equal_acc: str = "normalised"
    variant: str = "paper"
    clip_ratio_low: float = 0.2
    clip_ratio_high: float = 0.2
    clip_ratio_c: float = 10.0

    def __post_init__(self) -> None:
        switches = ("adaptive_clip", "adaptive_advantage", "token_level_advantage", "norm_adv_by_std")
        for name in switches:
            # The string "false" would switch a part on without a word.
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"hapo.{name} is {getattr(self, name)!r}; it must be true or false")
        for name in ("entropy_pivot", "adv_beta"):
            check_fraction(f"hapo.{name}", getattr(self, name))
        check_not_negative("hapo.clip_alpha", self.clip_alpha)
        check_choice("hapo.equal_acc", self.equal_acc, EQUAL_ACC)
        check_choice("hapo.variant", self.variant, VARIANTS)
        check_clip_range(self)
