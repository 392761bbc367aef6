"""What a method does in the lab: the functions that its plug-in for verl calls, on the rows of several seeds at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import torch

from recipe.hapo.advantages import token_level_group_advantage
from recipe.hapo.losses import active_tokens as hapo_active
from recipe.hapo.losses import token_losses as hapo_losses
from recipe.hapo.settings import HAPOConfig
from recipe.htpo.losses import active_tokens as htpo_active
from recipe.htpo.losses import token_losses as htpo_losses
from recipe.htpo.partition import partition_tokens, ranked_by
from recipe.htpo.settings import HTPOConfig
from recipe.primitives.entropy_score import entropy_score, entropy_statistics
from recipe.primitives.group_advantage import Groups, grpo_advantage
from recipe.rivals.advantage import advantages_by


@dataclass
class Batch:
    """A step's R = S * B responses, seed by seed.

    old_log_prob, entropy: `[R, T]` of the policy before the step's updates. mask: `[R, T]` bool. reward, acc: `[R]` float64.
    prompt: `[R]` numbers, another one for each prompt of each seed. keys: `[R]`, another one for each row of all steps and
    seeds, as verl's row keys. advantages, token_field: `[R, T]`, made by an objective.
    """

    old_log_prob: torch.Tensor
    entropy: torch.Tensor
    mask: torch.Tensor
    reward: torch.Tensor
    acc: torch.Tensor
    prompt: torch.Tensor
    copies: int
    keys: list[str] = field(default_factory=list)
    advantages: torch.Tensor | None = None
    token_field: torch.Tensor | None = None

    def of_copy(self, s: int) -> slice:
        rows = len(self.mask) // self.copies
        return slice(s * rows, (s + 1) * rows)


class Objective(Protocol):
    """A method with its settings."""

    def prepare(self, batch: Batch) -> None:
        """Fill `advantages` and `token_field` of the batch."""

    def loss(self, log_prob, old_log_prob, advantages, token_field, mask, copies: int) -> torch.Tensor:
        """`[S]`, each seed's loss of some of the batch's rows, `[r, T]`, as many of each seed."""

    def active(self, log_prob, old_log_prob, advantages, token_field) -> dict[str, torch.Tensor]:
        """By the name of its metric, the tokens on which the loss is not DAPO's, `[r, T]` bool; see `primitives.active`."""


def by_copy(values: torch.Tensor, copies: int) -> torch.Tensor:
    """Sums over each seed's rows, `[R, T]` -> `[S]`."""
    return values.reshape(copies, -1).sum(1)


class TokenMean:
    """For objectives that have a loss for each token."""

    def losses(self, log_prob, old_log_prob, advantages, token_field) -> torch.Tensor:
        """`[r, T]`; entries outside the response mask have no meaning."""
        raise NotImplementedError

    def loss(self, log_prob, old_log_prob, advantages, token_field, mask, copies):
        losses = self.losses(log_prob, old_log_prob, advantages, token_field)
        return by_copy(torch.where(mask, losses, 0), copies) / by_copy(mask, copies).clamp(min=1)


class HTPO(TokenMean):
    """By other fillings of the objective table DAPO, CISPO and others."""

    def __init__(self, config: HTPOConfig, norm_adv_by_std: bool = True):
        self.config, self.norm_adv_by_std = config, norm_adv_by_std

    def prepare(self, batch: Batch) -> None:
        groups = Groups(batch.prompt.tolist(), batch.mask.device)
        weight = torch.ones_like(batch.reward)
        grpo = grpo_advantage(batch.reward, weight, groups, self.norm_adv_by_std)
        correct, prompts = batch.acc == 1, batch.prompt.tolist()
        advantage = advantages_by(self.config.advantage, grpo, batch.reward, correct, batch.entropy, batch.mask, prompts)
        batch.advantages = torch.where(batch.mask, advantage.to(batch.old_log_prob), 0)
        hard = groups.total(batch.acc) / groups.total(weight) < self.config.difficulty_threshold
        ranked, border = self._ranked(batch)
        batch.token_field = partition_tokens(ranked, batch.mask, hard, correct, self.config, border)

    def _ranked(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor | None]:
        """As `ranked_by` for each seed by itself; the border: `[R]`."""
        parts = map(batch.of_copy, range(batch.copies))
        found = [ranked_by(batch.entropy[rows], batch.mask[rows], batch.keys[rows], self.config) for rows in parts]
        ranked, borders = zip(*found, strict=True)
        if borders[0] is None:
            return torch.cat(ranked), None
        return torch.cat(ranked), torch.stack(borders).repeat_interleave(len(batch.mask) // batch.copies)

    def losses(self, log_prob, old_log_prob, advantages, token_field):
        return htpo_losses(log_prob, old_log_prob, advantages, token_field, self.config)

    def active(self, log_prob, old_log_prob, advantages, token_field):
        if self.config.is_dapo:
            return {}
        return {"htpo/active_share": htpo_active(log_prob, old_log_prob, advantages, token_field, self.config)}


class HAPO(TokenMean):
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
