"""Warnings when a run shows a known sickness. Numbers in, sentences out: each is said when it begins and when it is over.

A sign looks at the mean of one metric over its last steps, so that one odd step says nothing. A resumed run starts with an
empty history.
"""

from __future__ import annotations

import math
import numbers
import sys
from collections import deque
from collections.abc import Mapping, Sequence

from recipe.token_level.signs import Sign

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
# One response of a thousand: its reward function or agent loop has a case that it does not stand.
FAILED_MOST = 0.001


SIGNS = (
    Sign(
        "actor/entropy",
        "the policy hardly explores any more",
        "lower actor_rollout_ref.actor.optim.lr or raise actor_rollout_ref.actor.clip_ratio_high, from a checkpoint before it",
        unit="nats",
        least=ENTROPY_LEAST,
        least_of_greatest=ENTROPY_LEAST_OF_GREATEST,
    ),
    Sign(
        "response_length/mean",
        "the responses have collapsed",
        "look at some in the token dump, lower actor_rollout_ref.actor.optim.lr, or switch the penalty for long ones off with "
        "reward.reward_kwargs.overlong_buffer_cfg.enable=False",
        unit="tokens",
        least_of_greatest=LENGTH_LEAST_OF_GREATEST,
    ),
    Sign(
        "rollouts/failed_share",
        "the reward function or the agent loop raised, and the step trained without these responses",
        "look for `Error in _run_prompt` in the log",
        most=FAILED_MOST,
        window=1,
    ),
    Sign(
        "rollouts/all_right_share",
        "nearly all prompts are easy and teach nothing",
        "train on harder data, or stop here",
        most=NO_SIGNAL_MOST,
    ),
    Sign(
        "rollouts/all_wrong_share",
        "nearly all prompts are too hard and teach nothing",
        "train on easier data, raise actor_rollout_ref.rollout.n, or look whether the reward function reads the answers",
        most=NO_SIGNAL_MOST,
    ),
)


class Watch:
    """The state of one sign over the steps of a run."""

    def __init__(self, sign: Sign):
        self.sign = sign
        self.recent: deque[float] = deque(maxlen=sign.window)
        self.greatest = -math.inf
        self.began: int | None = None

    def look(self, step: int, metrics: Mapping) -> str | None:
        """A sentence when the sickness begins or is over at this step, else None."""
        value = metrics.get(self.sign.metric)
        if not isinstance(value, numbers.Number) or not math.isfinite(value):
            return None
        self.recent.append(float(value))
        if len(self.recent) < self.sign.window:
            return None
        mean = sum(self.recent) / len(self.recent)
        self.greatest = max(self.greatest, mean)
        number = f"{self.sign.metric} is {self.sign.shown(mean)} (mean of {self.sign.window} steps"
        limit = self._limit(mean, 0.0 if self.began is None else MARGIN)
        if self.began is None and limit is not None:
            self.began = step
            return f"{number}; {limit}): {self.sign.meaning}; {self.sign.advice}"
        if self.began is not None and limit is None:
            began, self.began = self.began, None
            return f"{number}): the warning of step {began} is over"
        return None

    def _limit(self, mean: float, margin: float) -> str | None:
        """The limit that the mean is at or beyond, as a part of a sentence. margin: by how much the limits are tightened."""
        sign = self.sign
        if sign.most is not None and mean >= sign.most * (1 - margin):
            return f"sound is less than {sign.shown(sign.most)}"
        if sign.least is not None and mean <= sign.least * (1 + margin):
            return f"sound is more than {sign.shown(sign.least)}"
        if sign.least_of_greatest is not None and mean <= sign.least_of_greatest * self.greatest * (1 + margin):
            return f"it was {sign.shown(self.greatest)}"
        return None


class HealthLog:
    """A backend of verl's Tracking that warns on stderr. signs: the method's, beside SIGNS."""

    def __init__(self, signs: Sequence[Sign]):
        self.watches = [Watch(sign) for sign in (*SIGNS, *signs)]

    def log(self, data: Mapping, step: int) -> None:
        for watch in self.watches:
            if sentence := watch.look(step, data):
                kind = "note" if watch.began is None else "warning"
                print(f"{kind}: step {step}: {sentence}", file=sys.stderr, flush=True)
