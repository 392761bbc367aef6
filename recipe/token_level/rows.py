"""Which rows of a batch belong to the same session and to the same prompt, from verl's row keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch


@dataclass(frozen=True)
class Rows:
    """A prompt has `rollout.n` sessions; a session has one row, in multi-turn rollouts one for each of its outputs.

    session, prompt: `[B]` numbers from 0. verl's padding rows have a prompt of their own.
    prompt_of_session: `[S]`.
    last_row: `[S]` row of each session's last output, whose reward and verdict are the session's.
    """

    session: np.ndarray
    prompt: np.ndarray
    prompt_of_session: np.ndarray
    last_row: np.ndarray

    def rewards(self, token_level_rewards: torch.Tensor) -> torch.Tensor:
        """`[B, T]` -> `[B]` float64: each row has the reward of its session, that of the session's last output."""
        return token_level_rewards.sum(dim=1)[self.last_row[self.session]].double()

    def members(self, response_mask: torch.Tensor) -> torch.Tensor:
        """`[B, T]` -> `[B]` bool: rows of sessions that belong to their prompt's group, as they have a response token.

        A group estimates what the old policy's responses to its prompt are worth. A session all of whose tokens rollout
        correction has rejected is taken for none of these (verl masks its tokens before it computes advantages), and so is one
        without a token. It moves neither mean nor deviation of its siblings, nor their prompt's accuracy. A session of which
        some tokens are left counts once, as any other.
        """
        some = np.zeros(len(self.last_row), dtype=bool)
        np.logical_or.at(some, self.session, response_mask.bool().any(dim=1).numpy())
        return torch.from_numpy(some[self.session])

    @classmethod
    def of(cls, keys: list[str]) -> Rows:
        """From keys `{prompt uid}_{session}_{output}`; those of the last call are known."""
        return _of(tuple(keys))


@lru_cache(maxsize=1)  # asked for several times a step
def _of(keys: tuple[str, ...]) -> Rows:
    session_of_row, output = zip(*(key.rsplit("_", 1) for key in keys), strict=True)
    sessions, session = _numbered(session_of_row)
    _, prompt = _numbered([name.rsplit("_", 1)[0] for name in sessions])
    # In the order of outputs, the last write to a session is its last output.
    last_row = np.zeros(len(sessions), dtype=np.int64)
    order = np.argsort([int(i) for i in output], kind="stable")
    last_row[session[order]] = order
    return Rows(session=session, prompt=prompt[session], prompt_of_session=prompt, last_row=last_row)


def _numbered(names: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """The different names, sorted, and each one's number among them; np.unique pads strings to the longest first."""
    different = sorted(set(names))
    number = {name: i for i, name in enumerate(different)}
    return different, np.array([number[name] for name in names], dtype=np.int64)
