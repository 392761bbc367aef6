"""Phantom advantages: those of prompts whose responses all have the same verdict, where rewards differ by a penalty only.

A division by the group's deviation gives any difference full size: of sixteen wrong answers, one of them a single token inside
the overlong buffer (a penalty of 1/4096), GRPO makes +0.25 and -3.69. See github.com/verl-project/verl-recipe/pull/125.
"""

from __future__ import annotations

import numpy as np
import torch

from recipe.token_level.rows import Rows
from recipe.token_level.signs import Most, Sign

# One of five prompts that are all right or all wrong; a choice. With group filtering on `acc` there is none.
PHANTOM_MOST = 0.2


def phantom_metrics(
    method: str, keys: list[str], acc: np.ndarray, advantages: torch.Tensor, response_mask: torch.Tensor
) -> dict[str, float]:
    """`<method>/phantom_advantage_share`: of the prompts whose members have equal verdicts, those with an advantage.

    Args:
        keys: `[B]` verl's row keys.
        acc: `[B]` verdicts, NaN where there is none; then there is no metric.
        advantages: `[B, T]`, 0 at tokens that are not trained on.
        response_mask: `[B, T]`, as the advantages were computed with it; a session without a token is no member.

    Returns:
        The metric, 0 where no prompt has equal verdicts.
    """
    rows = Rows.of(keys)
    member = rows.members(response_mask).numpy()[rows.last_row]
    verdict, prompt = acc[rows.last_row], rows.prompt_of_session
    if not member.any() or np.isnan(verdict[member]).any():
        return {}
    count = len(np.unique(prompt))
    least, greatest = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(least, prompt[member], verdict[member])
    np.maximum.at(greatest, prompt[member], verdict[member])
    moved = np.zeros(count, dtype=bool)
    np.logical_or.at(moved, rows.prompt, advantages.ne(0).any(dim=1).numpy())
    equal = least == greatest  # not of prompts without a member
    return {f"{method}/phantom_advantage_share": float(moved[equal].mean()) if equal.any() else 0.0}


def phantom_sign(method: str, advice: str) -> Sign:
    """A sign that there are many of them."""
    return Sign(
        f"{method}/phantom_advantage_share",
        Most(PHANTOM_MOST),
        "prompts whose answers are all right or all wrong are trained on by a penalty alone, at the size of a verdict",
        advice,
        "github.com/verl-project/verl-recipe/pull/125",
    )
