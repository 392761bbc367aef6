"""One sign of sickness: a metric, its limit, and what to say."""

from __future__ import annotations

from dataclasses import dataclass

from recipe.token_level.signs.limits import Least, Limit, Most

# PPO takes the new policy to be near the old one; with three tokens of ten outside the clip range it is not.
OUTSIDE_CLIP_MOST = 0.3
# A group may be empty in a step by chance; without a token for so long, its objective does nothing.
EMPTY_STEPS = 20


@dataclass(frozen=True)
class Sign:
    """One sign of sickness.

    metric: its name, in which a `*` stands for several (`history.number`); steps without it change nothing.
    limit: when it is sick.
    meaning, advice: what it says of the run, and what to try; parts of a sentence.
    source: where it was reported or why it is one, for the documentation.
    unit: `share` (shown in percent), or what to write after the number; may be "".
    """

    metric: str
    limit: Limit
    meaning: str
    advice: str
    source: str
    unit: str = "share"

    def shown(self, value: float) -> str:
        """The value as a reader wants it."""
        if self.unit == "share":
            return f"{value:.1%}"
        return f"{value:,.0f} {self.unit}".rstrip() if 1000 <= abs(value) < 1e6 else f"{value:.3g} {self.unit}".rstrip()


def outside_clip_sign(metric: str, whose: str) -> Sign:
    """A sign that the share `metric` of the tokens of `whose` outside the clip range is small."""
    return Sign(
        metric,
        Most(OUTSIDE_CLIP_MOST),
        f"the updates move {whose} too far",
        "lower actor_rollout_ref.actor.optim.lr, or make fewer updates a step with a larger actor.ppo_mini_batch_size",
        "arXiv:1707.06347",
    )


def empty_sign(metric: str, whose: str, advice: str, source: str) -> Sign:
    """A sign that `whose` share of the tokens, `metric`, is not 0 for many steps."""
    return Sign(metric, Least(0.0, window=EMPTY_STEPS), f"there has been no token of {whose}", advice, source)
