"""Signs of sickness in a run's metrics: what a method, or the run layer for all of them, wants to be warned of."""

from __future__ import annotations

from dataclasses import dataclass

WINDOW = 5  # steps: one odd batch is averaged out, and a collapse takes more than that
# PPO takes the new policy to be near the old one; with three tokens of ten outside the clip range it is not.
OUTSIDE_CLIP_MOST = 0.3
# A group may be empty in a step by chance; without a token for so long, its objective does nothing.
EMPTY_STEPS = 20


@dataclass(frozen=True)
class Sign:
    """One sign of sickness: the mean of `metric` over `window` steps is at or beyond a limit.

    metric: its name; steps without it change nothing.
    meaning, advice: what it says of the run, and what to try; parts of a sentence.
    unit: `share` (shown in percent), or what to write after the number.
    least, most: limits; None: there is none.
    least_of_greatest: a further lower limit, as a share of the greatest mean so far.
    """

    metric: str
    meaning: str
    advice: str
    unit: str = "share"
    least: float | None = None
    most: float | None = None
    least_of_greatest: float | None = None
    window: int = WINDOW

    def shown(self, value: float) -> str:
        """The value as a reader wants it."""
        return f"{value:.1%}" if self.unit == "share" else f"{value:.3g} {self.unit}"


def outside_clip_sign(metric: str, whose: str) -> Sign:
    """A sign that the share `metric` of the tokens of `whose` outside the clip range is small."""
    return Sign(
        metric,
        f"the updates move {whose} too far",
        "lower actor_rollout_ref.actor.optim.lr, or make fewer updates a step with a larger actor.ppo_mini_batch_size",
        most=OUTSIDE_CLIP_MOST,
    )


def empty_sign(metric: str, whose: str, advice: str) -> Sign:
    """A sign that `whose` share of the tokens, `metric`, is not 0 for many steps."""
    return Sign(metric, f"there has been no token of {whose}", advice, least=0.0, window=EMPTY_STEPS)
