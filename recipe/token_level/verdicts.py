"""The verifier's verdicts of a step, and what they say of its prompts, those that group filtering dropped included."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from recipe.token_level.rows import Rows


def verdicts(extra_fields: Iterable) -> np.ndarray:
    """`[B]` float64, the reward function's `acc` of each row, NaN if it is no number; from verl's field."""
    return np.array([_verdict(extra) for extra in extra_fields], dtype=np.float64)


def reward_info(extra) -> dict:
    """What the reward function returned, from a row's entry of verl's field `extra_fields`; empty if it is not there."""
    extra = getattr(extra, "data", extra)
    info = extra.get("reward_extra_info") if isinstance(extra, dict) else None
    return info if isinstance(info, dict) else {}


def _verdict(extra) -> float:
    try:
        return float(reward_info(extra)["acc"])
    except (KeyError, TypeError, ValueError):
        return float("nan")


def verdict_metrics(keys: list[str], acc: np.ndarray, is_padding: np.ndarray, dropped: Mapping[float, int]) -> dict[str, float]:
    """Over the prompts of a step: those it trains on, and those that group filtering dropped for their equal verdicts.

    What verl generated beyond a batch and threw away is not in them; of it, only the number of prompts is known.

    Args:
        keys: `[B]` verl's row keys.
        acc: `[B]` verdicts, NaN where there is none; then there are no metrics.
        is_padding: `[B]` bool.
        dropped: of the prompts that group filtering dropped, how many had which mean verdict.

    Returns:
        `rollouts/acc`: mean verdict. `rollouts/all_right_share`, `rollouts/all_wrong_share`: of the prompts, 0..1.
    """
    rows = Rows.of(keys)
    real = ~is_padding[rows.last_row]
    verdict, prompt = acc[rows.last_row][real], rows.prompt_of_session[real]
    if not len(verdict) or np.isnan(verdict).any():
        return {}
    _, prompt = np.unique(prompt, return_inverse=True)
    mean = np.bincount(prompt, verdict) / np.bincount(prompt)
    values = np.concatenate([mean, np.repeat(list(dropped), list(dropped.values()))]) if dropped else mean
    return {
        "rollouts/acc": float(values.mean()),
        "rollouts/all_right_share": float((values == 1).mean()),
        "rollouts/all_wrong_share": float((values == 0).mean()),
    }
