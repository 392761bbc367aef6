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
    rows = Rows.of(keys)
    by_std = True if config is None else config.get("norm_adv_by_std_in_grpo", True)
    weight = row_weights(rows.session, member=rows.members(response_mask))
    scalar = grpo_advantage(rows.rewards(token_level_rewards), weight, Groups(rows.prompt, "cpu"), by_std)
    return torch.where(response_mask.bool(), scalar.to(token_level_rewards.dtype).unsqueeze(1), 0)
