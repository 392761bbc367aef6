"""Of a step's responses, how many were cut off and how many have no answer: what the reward alone does not tell apart."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from recipe.token_level.rows import Rows
from recipe.token_level.verdicts import reward_info


def response_metrics(
    keys: list[str], is_padding: np.ndarray, lengths: np.ndarray, extra_fields: Iterable, longest: int
) -> dict[str, float]:
    """Over the responses that a step trains on.

    verl's own `response_length/clip_ratio` counts the responses that are as long as the step's longest, whatever that is.

    Args:
        keys: `[B]` verl's row keys.
        is_padding: `[B]` bool.
        lengths: `[B]` tokens of each response.
        extra_fields: `[B]` verl's field of that name, with what the reward function returned.
        longest: the most tokens that a response may have.

    Returns:
        `rollouts/cut_off_share`: of the responses, those that reached `longest`; one that ended just there counts.
        `rollouts/unanswered_share`: of the responses, those without an answer; only if the reward function says so of each,
            by `answered` or by the text `pred`.
    """
    rows = Rows.of(keys)
    last = rows.last_row[~is_padding[rows.last_row]]
    if not len(last):
        return {}
    metrics = {"rollouts/cut_off_share": float((lengths[last] >= longest).mean())}
    extras = list(extra_fields)
    answered = [_answered(reward_info(extras[i])) for i in last]
    if None not in answered:
        metrics["rollouts/unanswered_share"] = 1 - sum(answered) / len(answered)
    return metrics


def _answered(info: dict) -> bool | None:
    """Whether the response has an answer; None if the reward function does not say."""
    if "answered" in info:
        return bool(info["answered"])
    pred = info.get("pred")
    return bool(pred.strip()) if isinstance(pred, str) else None
