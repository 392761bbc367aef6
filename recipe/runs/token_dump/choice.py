"""Which responses of a step are dumped: some prompts with right and wrong answers side by side, hard and easy in turn.

The order follows from the step and the prompts' tokens alone, so a run that is repeated dumps the same prompts.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from itertools import zip_longest

import numpy as np

from recipe.token_level.rows import Rows

PER_PROMPT = 4  # two right and two wrong answers, where there are


def solve_rates(rows: Rows, right: np.ndarray, is_padding: np.ndarray) -> np.ndarray:
    """`[B]` share of right answers to the row's prompt, by the last outputs of its sessions; NaN where one has no verdict.

    right: `[B]` 1, 0 or NaN.
    """
    value = np.where(is_padding[rows.last_row], 0.0, right[rows.last_row])
    share = np.bincount(rows.prompt_of_session, value) / np.bincount(rows.prompt_of_session)
    return share[rows.prompt]


def order_of(step: int, prompt_ids: Sequence[int]) -> int:
    """A number that orders a step's prompts at random, but always alike."""
    return zlib.crc32(np.asarray([step, *prompt_ids], dtype=np.int64).tobytes())


def choose_rows(
    keys: list[str],
    right: np.ndarray,
    is_padding: np.ndarray,
    length: Sequence[int],
    order: Sequence[int],
    responses: int,
    tokens: int,
) -> list[int]:
    """The rows to dump, at most `responses` with at most `tokens` tokens together.

    Prompts with right and wrong answers come first, one that less than half solve and one that half or more solve in turn;
    then the others. Of a prompt, right and wrong answers in turn, in the order of their sessions; PER_PROMPT of each prompt,
    and the rest if there is room. Of a session with several outputs the last, which has its verdict.

    Args:
        keys: `[B]` verl's row keys `{prompt uid}_{session}_{output}`.
        right: `[B]` 1 for a right answer, else 0.
        is_padding: `[B]` bool; these are never chosen.
        length: `[B]` tokens of the responses.
        order: `[B]` from `order_of`, the same for all rows of a prompt.
    """
    rows = Rows.of(keys)
    answers: dict[int, list[int]] = {}
    for row in sorted(rows.last_row.tolist(), key=lambda row: int(keys[row].rsplit("_", 2)[1])):
        if not is_padding[row]:
            answers.setdefault(int(rows.prompt[row]), []).append(row)

    solved = {prompt: float(np.mean(right[members])) for prompt, members in answers.items()}
    ordered = sorted(answers, key=lambda prompt: (order[answers[prompt][0]], prompt))
    hard = [p for p in ordered if 0 < solved[p] < 0.5]
    easy = [p for p in ordered if 0.5 <= solved[p] < 1]
    first, rest = [], []
    for prompt in [*_in_turn(hard, easy), *(p for p in ordered if solved[p] in (0, 1))]:
        members = answers[prompt]
        both = _in_turn([row for row in members if right[row]], [row for row in members if not right[row]])
        first += both[:PER_PROMPT]
        rest += both[PER_PROMPT:]
    chosen: list[int] = []
    for row in first + rest:
        if len(chosen) < responses and length[row] <= tokens:
            chosen.append(row)
            tokens -= length[row]
    return chosen


def _in_turn(first: list[int], second: list[int]) -> list[int]:
    return [x for pair in zip_longest(first, second) for x in pair if x is not None]
