"""What a method does in the lab: the functions that its plug-in for verl calls, on the rows of several seeds at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch

from recipe.hapo.advantages import token_level_group_advantage
from recipe.hapo.losses import active_tokens as hapo_active
from recipe.hapo.losses import token_losses as hapo_losses
from recipe.hapo.settings import HAPOConfig
from recipe.htpo.losses import active_tokens as htpo_active
from recipe.htpo.losses import token_losses as htpo_losses
from recipe.htpo.partition import partition_tokens
from recipe.htpo.settings import HTPOConfig
from recipe.primitives.entropy_score import entropy_score, entropy_statistics
from recipe.primitives.group_advantage import Groups, grpo_advantage


@dataclass
class Batch:
    """A step's R = S * B responses, seed by seed.

    old_log_prob, entropy: `[R, T]` of the policy before the step's updates. mask: `[R, T]` bool. reward, acc: `[R]` float64.
    prompt: `[R]` numbers, another one for each prompt of each seed. advantages, token_field: `[R, T]`, made by an objective.
    """

    old_log_prob: torch.Tensor
    entropy: torch.Tensor
    mask: torch.Tensor
    reward: torch.Tensor
    acc: torch.Tensor
    prompt: torch.Tensor
    copies: int
    advantages: torch.Tensor | None = None
    token_field: torch.Tensor | None = None

    def of_copy(self, s: int) -> slice:
        rows = len(self.mask) // self.copies
        return slice(s * rows, (s + 1) * rows)


class Objective(Protocol):
    """A method with its settings."""

    def prepare(self, batch: Batch) -> None:
        """Fill `advantages` and `token_field` of the batch."""

    def losses(self, log_prob, old_log_prob, advantages, token_field) -> torch.Tensor:
        """`[r, T]` loss of each token of some of the batch's rows; entries outside the response mask have no meaning."""

    def active(self, log_prob, old_log_prob, advantages, token_field) -> dict[str, torch.Tensor]:
        """By the name of its metric, the tokens on which the loss is not DAPO's, `[r, T]` bool; see `primitives.active`."""


class HTPO:
    """By other fillings of the objective table DAPO, CISPO and others."""

    def __init__(self, config: HTPOConfig, norm_adv_by_std: bool = True):
        self.config, self.norm_adv_by_std = config, norm_adv_by_std

    def prepare(self, batch: Batch) -> None:
        groups = Groups(batch.prompt.tolist(), batch.mask.device)
        weight = torch.ones_like(batch.reward)
        advantage = grpo_advantage(batch.reward, weight, groups, self.norm_adv_by_std)
        batch.advantages = torch.where(batch.mask, advantage.to(batch.old_log_prob).unsqueeze(1), 0)
        hard = groups.total(batch.acc) / groups.total(weight) < self.config.difficulty_threshold
        batch.token_field = partition_tokens(batch.entropy, batch.mask, hard, batch.acc == 1, self.config)

    def losses(self, log_prob, old_log_prob, advantages, token_field):
        return htpo_losses(log_prob, old_log_prob, advantages, token_field, self.config)

    def active(self, log_prob, old_log_prob, advantages, token_field):
        if self.config.is_dapo:
            return {}
        return {"htpo/active_share": htpo_active(log_prob, old_log_prob, advantages, token_field, self.config)}


class HAPO:
    """Without its adaptive temperature, which any method may have."""

    def __init__(self, config: HAPOConfig):
        self.config = config

    def prepare(self, batch: Batch) -> None:
        batch.token_field = torch.empty_like(batch.entropy)
        for s in range(batch.copies):
            rows = batch.of_copy(s)
            statistics = entropy_statistics(batch.entropy[rows], batch.mask[rows], self.config)
            batch.token_field[rows] = entropy_score(batch.entropy[rows], statistics)
        rewards = torch.zeros_like(batch.old_log_prob)
        rewards[:, 0] = batch.reward.to(rewards)
        advantages = token_level_group_advantage(rewards, batch.mask, batch.prompt, self.config, acc=batch.acc)
        batch.advantages = torch.where(batch.mask, advantages, 0)

    def losses(self, log_prob, old_log_prob, advantages, token_field):
        return hapo_losses(log_prob, old_log_prob, advantages, token_field, self.config)

    def active(self, log_prob, old_log_prob, advantages, token_field):
        found = hapo_active(log_prob, old_log_prob, advantages, token_field, self.config)
        return {f"hapo/{name}active_share": tokens for name, tokens in found.items()}
