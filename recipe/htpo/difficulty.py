"""Which prompts are hard and which answers are right, from verl's row keys and the verifier's verdicts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from recipe.token_level.rows import Rows


class Labels(NamedTuple):
    """hard, correct: `[B]` bool, one a row. hard_prompt_share, correct_share: of those trained on, 0..1."""

    hard: np.ndarray
    correct: np.ndarray
    hard_prompt_share: float
    correct_share: float


def label_rows(
    keys: list[str],
    acc: np.ndarray,
    is_padding: np.ndarray,
    difficulty_threshold: float,
    response_mask: torch.Tensor | None = None,
    trained: torch.Tensor | None = None,
) -> Labels:
    """A prompt is hard if the mean `acc` of its sessions is below the threshold.

    A session with several outputs (multi-turn) has one row for each and counts once, by the verdict on its last output, as
    verl's GRPO advantages treat it.

    Args:
        keys: `[B]` verl's row keys, `{prompt uid}_{session}_{output}`.
        acc: `[B]` float64, 1 right, 0 wrong, NaN where the reward function gave no verdict.
        is_padding: `[B]` bool, verl's padding rows; they get labels that mean nothing and count nowhere.
        response_mask: `[B, T]`, by which a session is a member of its prompt's group (`Rows.members`); None: all are.
        trained: `[B, T]`, the tokens that the loss will see, by which a session counts in the shares; None: all do.

    Raises:
        ValueError: a session has no verdict, or one that is neither right nor wrong.
    """
    rows = Rows.of(keys)
    last_row, prompt = rows.last_row, rows.prompt_of_session
    verdict, real = acc[last_row], ~is_padding[last_row]
    _refuse_without_verdict(verdict, real, keys, last_row)

    verdict = np.where(real, verdict, 0.0)
    member, counts = (
        real if mask is None else real & rows.members(mask).numpy()[last_row] for mask in (response_mask, trained)
    )
    accuracy = np.bincount(prompt, verdict * member) / np.maximum(np.bincount(prompt, member), 1)  # [number of prompts]
    hard = accuracy < difficulty_threshold
    counted_prompt = np.bincount(prompt, counts) > 0
    return Labels(
        hard=hard[rows.prompt],
        correct=(verdict == 1)[rows.session],
        hard_prompt_share=float(hard[counted_prompt].mean()) if counted_prompt.any() else 0.0,
        correct_share=float(verdict[counts].mean()) if counts.any() else 0.0,
    )


def _refuse_without_verdict(verdict: np.ndarray, real: np.ndarray, keys: list[str], last_row: np.ndarray) -> None:
    if (none := real & np.isnan(verdict)).any():
        raise ValueError(
            f"the reward function returned no 'acc' for {none.sum()} of {real.sum()} responses (first: "
            f"{keys[last_row[none][0]]}); HTPO splits by the verifier's verdict: return a dict with 'score' and 'acc' (0 or 1)"
        )
    if (odd := real & ~np.isin(verdict, (0.0, 1.0))).any():
        raise ValueError(
            f"the reward function returned acc={verdict[odd][0]:g} for {keys[last_row[odd][0]]}; 'acc' is the verifier's "
            "verdict and must be 0 or 1 (put shaped rewards into 'score')"
        )
