"""GRPO's advantages of a batch, for estimators whose own part begins after them."""

from __future__ import annotations

import torch

from recipe.primitives.group_advantage import Groups, grpo_advantage, row_weights
from recipe.token_level.rows import Rows


def grpo_advantages(keys: list[str], token_level_rewards: torch.Tensor, response_mask: torch.Tensor, config) -> torch.Tensor:
    """As verl has them, but a session with several outputs has one reward, verl's padding rows belong to no prompt, and a
    session without a response token is no member of its group (see `Rows.members`).

    Args:
        keys: `[B]` verl's row keys, `EstimatorInputs.keys`.
        token_level_rewards, response_mask: `[B, T]`.
        config: verl's algorithm config, of which `norm_adv_by_std_in_grpo` is read; None: divide by the deviation.

    Returns:
        `[B, T]` of the rewards' dtype, 0 outside the response mask.
    """
    mask = response_mask.bool()
    return torch.where(mask, row_advantages(keys, token_level_rewards, mask.any(dim=1), config).unsqueeze(1), 0)


def row_advantages(keys: list[str], token_level_rewards: torch.Tensor, some: torch.Tensor, config) -> torch.Tensor:
    """`[B]`: the advantage that all tokens of a row have; some: `[B]` bool, rows with a response token; else as above."""
    rows = Rows.of(keys)
    by_std = True if config is None else config.get("norm_adv_by_std_in_grpo", True)
    weight = row_weights(rows.session, member=rows.members(some.unsqueeze(1)))
    advantage = grpo_advantage(rows.rewards(token_level_rewards), weight, Groups(rows.prompt, "cpu"), by_std)
    return advantage.to(token_level_rewards.dtype)
