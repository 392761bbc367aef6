"""Overlong filtering (DAPO, arXiv:2503.14476): truncated responses are kept from the loss; the other option beside the penalty.

A response is truncated if it has `data.max_response_length` tokens and the last of them ends no response; a session of several
outputs, if its last output is. Its tokens are masked from the loss, and so are in no normaliser of `token-mean`, no token
group, no statistics of entropies and no metric of what is trained on.

It stays in its group: the advantages of its siblings are computed with its reward, and HTPO's difficulty with its verdict. The
paper masks the loss, no more, and so do TRL and NeMo-RL (Skywork-OR1, arXiv:2505.22312, calls it Adv-Mask-After). It is a
response of the policy within its length, whose worth a baseline estimates; what rollout correction rejects is not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf

from recipe.token_level.method_settings import build
from recipe.token_level.rows import Rows

NODE = "overlong_filtering"  # of the config


@dataclass(frozen=True)
class OverlongFilteringConfig:
    """enabled: whether truncated responses are kept from the loss. ValueError if it is no boolean."""

    enabled: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.enabled, bool):
            raise ValueError(f"{NODE}.enabled is {self.enabled!r}; it must be true or false")


def overlong_filtering(config: DictConfig) -> OverlongFilteringConfig:
    """The settings of a run's config. ValueError for an unknown key or a wrong value."""
    return build(OverlongFilteringConfig, NODE, OmegaConf.to_container(config.get(NODE) or OmegaConf.create({}), resolve=True))


def truncated_rows(
    keys: list[str], responses: torch.Tensor, max_response_length: int, ends: Iterable[int], is_padding: np.ndarray
) -> np.ndarray:
    """`[B]` bool: rows of truncated sessions.

    Args:
        keys: `[B]` verl's row keys.
        responses: nested `[B, j]`, token ids.
        ends: ids of the tokens that end a response.
        is_padding: `[B]` bool, verl's padding rows, which are not truncated.
    """
    rows, offsets = Rows.of(keys), responses.offsets()
    last = responses.values()[(offsets[1:] - 1).clamp(min=0)]
    ended = torch.isin(last, torch.tensor(sorted(ends), dtype=last.dtype))
    truncated = ((offsets.diff() == max_response_length) & ~ended).numpy()
    return truncated[rows.last_row[rows.session]] & ~is_padding
