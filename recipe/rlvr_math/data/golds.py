"""Answers of a data set as right answers of the reward: whole, the same as another, more than a text."""

from __future__ import annotations

import re

from recipe.rlvr_math.reward.answers import MAX_ANSWER, clean, normalise, quick_verdict
from recipe.rlvr_math.reward.score import same_answer
from recipe.rlvr_math.reward.verifier_pool import VerifierTimeout, pool

SECONDS = 20.0  # for one comparison: the publisher's answers are no bombs


def damage(answer: str) -> str | None:
    """What is wrong with an answer that no response could meet; None for one that is whole."""
    if len(answer) > MAX_ANSWER:
        return f"has more than {MAX_ANSWER} characters"
    text = re.sub(r"\\[{}]", "", answer)
    if text.count("{") != text.count("}"):
        return "has braces that do not match"
    return None if normalise(answer).strip("$ ") else "has nothing but marks"


def same(one: str, other: str) -> bool:
    """Whether two answers of a publisher to one problem agree; what cannot be decided in time does not."""
    try:
        return same_answer(one, other, SECONDS)
    except VerifierTimeout:
        return False


def text_only(answer: str) -> bool:
    """Whether math-verify finds no expression in an answer, so that only (nearly) the same text meets it."""
    if quick_verdict(normalise(answer), "0") is not None:  # an integer
        return False
    try:
        return not pool().parses(clean(answer), SECONDS)
    except VerifierTimeout:
        return True
