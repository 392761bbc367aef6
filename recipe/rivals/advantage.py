"""GRPO's advantages, or a rival's in their place, by `htpo.advantage`; the same call in a real run and in the lab."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import torch

from recipe.rivals.edge_grpo import edge_advantages
from recipe.rivals.gtpo import gtpo_advantages


def advantages_by(
    name: str,
    grpo: torch.Tensor,
    reward: torch.Tensor,
    correct: torch.Tensor,
    entropy: torch.Tensor,
    mask: torch.Tensor,
    prompts: Iterable[Hashable],
) -> torch.Tensor:
    """`[B, 1]`, of all tokens of a row, or `[B, T]`, of the dtype of `grpo`.

    Args:
        name: grpo, gtpo or edge_grpo. grpo: `[B]`, GRPO's own. The others: as `gtpo_advantages` has them.
    """
    if name == "gtpo":
        return gtpo_advantages(reward, correct, entropy, mask, prompts).to(grpo.dtype)
    if name == "edge_grpo":
        grpo = edge_advantages(grpo, entropy, mask, prompts).to(grpo.dtype)
    return grpo.unsqueeze(1)
