"""Warnings when a run shows a known sickness. Numbers in, sentences out: each is said when it begins and when it is over.

A check looks at the mean of one metric over its last steps, so that one odd step says nothing. A resumed run starts with an
empty history.
"""

from __future__ import annotations

import math
import numbers
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WINDOW = 5  # steps: one odd batch is averaged out, and a collapse takes more than that
# Beyond the limit by this share it is over, so that a value on the limit is not said again and again.
MARGIN = 0.1

# The limits are choices: far enough from what a step of a sound run shows to be worth a sentence.
# Nats. At 0.02 the likeliest of two tokens has 99.7%: the responses to a prompt are nearly one response, so their rewards are
# alike and the advantages vanish.
ENTROPY_LEAST = 0.02
# Of its greatest mean so far, for models that start high: nine tenths of the exploration are gone.
ENTROPY_LEAST_OF_GREATEST = 0.1
# Of its greatest mean so far. Learning to be brief may halve the length; the penalty for long responses may end reasoning.
LENGTH_LEAST_OF_GREATEST = 0.25
# Prompts that are all right or all wrong have no advantages: beyond this, 9 of 10 rollouts are for nothing.
NO_SIGNAL_MOST = 0.9
# PPO takes the new policy to be near the old one; with three tokens of ten outside the clip range it is not.
OUTSIDE_CLIP_MOST = 0.3
# A group may be empty in a step by chance; without a token for so long, its objective does nothing.
EMPTY_STEPS = 20


@dataclass(frozen=True)
class Check:
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


CHECKS = (
    Check(
        "actor/entropy",
        "the policy hardly explores any more",
        "lower actor_rollout_ref.actor.optim.lr or raise actor_rollout_ref.actor.clip_ratio_high, from a checkpoint before it",
        unit="nats",
        least=ENTROPY_LEAST,
        least_of_greatest=ENTROPY_LEAST_OF_GREATEST,
    ),
    Check(
        "response_length/mean",
        "the responses have collapsed",
        "look at some in the token dump, lower actor_rollout_ref.actor.optim.lr, or switch the penalty for long ones off with "
        "reward.reward_kwargs.overlong_buffer_cfg.enable=False",
        unit="tokens",
        least_of_greatest=LENGTH_LEAST_OF_GREATEST,
    ),
    Check(
        "rollouts/all_right_share",
        "nearly all prompts are easy and teach nothing",
        "train on harder data, or stop here",
        most=NO_SIGNAL_MOST,
    ),
    Check(
        "rollouts/all_wrong_share",
        "nearly all prompts are too hard and teach nothing",
        "train on easier data, raise actor_rollout_ref.rollout.n, or look whether the reward function reads the answers",
        most=NO_SIGNAL_MOST,
    ),
)


def outside_clip_check(metric: str, whose: str) -> Check:
    """A check that the share `metric` of the tokens of `whose` outside the clip range is small."""
    return Check(
        metric,
        f"the updates move {whose} too far",
        "lower actor_rollout_ref.actor.optim.lr, or make fewer updates a step with a larger actor.ppo_mini_batch_size",
        most=OUTSIDE_CLIP_MOST,
    )


def empty_check(metric: str, whose: str, advice: str) -> Check:
    """A check that `whose` share of the tokens, `metric`, is not 0 for many steps."""
    return Check(metric, f"there has been no token of {whose}", advice, least=0.0, window=EMPTY_STEPS)


class Watch:
    """The state of one check over the steps of a run."""

    def __init__(self, check: Check):
        self.check = check
        self.recent: deque[float] = deque(maxlen=check.window)
        self.greatest = -math.inf
        self.began: int | None = None

    def look(self, step: int, metrics: Mapping) -> str | None:
        """A sentence when the sickness begins or is over at this step, else None."""
        value = metrics.get(self.check.metric)
        if not isinstance(value, numbers.Number) or not math.isfinite(value):
            return None
        self.recent.append(float(value))
        if len(self.recent) < self.check.window:
            return None
        mean = sum(self.recent) / len(self.recent)
        self.greatest = max(self.greatest, mean)
        number = f"{self.check.metric} is {self.check.shown(mean)} (mean of {self.check.window} steps"
        limit = self._limit(mean, 0.0 if self.began is None else MARGIN)
        if self.began is None and limit is not None:
            self.began = step
            return f"{number}; {limit}): {self.check.meaning}; {self.check.advice}"
        if self.began is not None and limit is None:
            began, self.began = self.began, None
            return f"{number}): the warning of step {began} is over"
        return None

    def _limit(self, mean: float, margin: float) -> str | None:
        """The limit that the mean is at or beyond, as a part of a sentence. margin: by how much the limits are tightened."""
        check = self.check
        if check.most is not None and mean >= check.most * (1 - margin):
            return f"sound is less than {check.shown(check.most)}"
        if check.least is not None and mean <= check.least * (1 + margin):
            return f"sound is more than {check.shown(check.least)}"
        if check.least_of_greatest is not None and mean <= check.least_of_greatest * self.greatest * (1 + margin):
            return f"it was {check.shown(self.greatest)}"
        return None


class HealthLog:
    """A backend of verl's Tracking that warns on stderr. checks: the method's, beside CHECKS."""

    def __init__(self, checks: Sequence[Check]):
        self.watches = [Watch(check) for check in (*CHECKS, *checks)]

    def log(self, data: Mapping, step: int) -> None:
        for watch in self.watches:
            if sentence := watch.look(step, data):
                kind = "note" if watch.began is None else "warning"
                print(f"{kind}: step {step}: {sentence}", file=sys.stderr, flush=True)
