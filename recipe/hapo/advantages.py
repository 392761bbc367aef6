"""HAPO's Token-Level Group Average (arXiv:2509.16591): a group's baseline is the mean over its tokens, not its responses.

Every token carries its response's reward R, and `A = (R - mean) / (std + 1e-6)` with mean and population deviation over all
tokens of the group. So a long wrong answer moves the baseline more than a short one. Where that makes an outlier, |A| >= 5,
the whole group has GRPO's advantages: mean and sample deviation over its responses.

A response without a token has no weight in the mean over tokens. The fallback, which counts responses, leaves out those that
are no `member`: what rollout correction has rejected would else move its siblings' baseline in some groups and not in others.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import NamedTuple

import torch

from recipe.hapo.settings import HAPOConfig
from recipe.primitives.group_advantage import EPSILON, Groups, grpo_advantage, row_weights

OUTLIER = 5.0


def token_level_group_advantage(
    token_level_rewards: torch.Tensor,
    response_mask: torch.Tensor,
    index: Iterable[Hashable],
    config: HAPOConfig,
    session: Iterable[Hashable] | None = None,
    member: torch.Tensor | None = None,
    acc: torch.Tensor | None = None,
) -> torch.Tensor:
    """Advantage of each token, from the rewards of the responses to the same prompt.

    Args:
        token_level_rewards: `[B, T]` floating; a response's reward is their sum over its row, as in verl's GRPO.
        response_mask: `[B, T]` bool or 0/1, True at response tokens.
        index: `[B]`, the prompt's id: a list, an array or a tensor of anything hashable.
        config: `token_level_advantage` (false: GRPO for all groups), `norm_adv_by_std`, `equal_acc` and variant.
        session: `[B]`, for multi-turn rollouts with several rows each and one reward: GRPO counts a session once. The mean
            over tokens counts the tokens of all its rows. By default every row is a response of its own.
        member: `[B]` bool, rows that belong to their group, see `recipe.token_level.rows.Rows.members`; by default all do.
        acc: `[B]` floating, each row's verdict, that of its session; read by `equal_acc` other than `normalised` only.

    Returns:
        `[B, T]`, float64 if the rewards are, else float32; 0 outside the mask. `released`: outside the mask the advantage
        of a reward of 0, which the released code has there and includes in the outlier check; the loss never sees it.
        A group of one has A = 0, or in GRPO A = R, as verl has it. Equal rewards have A = 0 exactly.

    Raises:
        ValueError: shapes do not fit, or `equal_acc` needs verdicts and there are none.
    """
    ids = index.tolist() if hasattr(index, "tolist") else list(index)
    if token_level_rewards.shape != response_mask.shape or token_level_rewards.shape[:1] != (len(ids),):
        raise ValueError(
            f"token_level_group_advantage takes token_level_rewards and response_mask [B, T] and index [B]; got "
            f"{list(token_level_rewards.shape)}, {list(response_mask.shape)} and {len(ids)} ids"
        )
    mask = response_mask.bool()
    dtype = torch.promote_types(token_level_rewards.dtype, torch.float32)
    rewards = token_level_rewards.detach().to(dtype).sum(dim=1)
    rows = row_advantages(rewards, mask.sum(dim=1), mask.shape[1], ids, config, session, member, acc)
    return torch.where(mask, rows.advantage.to(dtype).unsqueeze(1), rows.padding.to(dtype).unsqueeze(1))


class RowAdvantages(NamedTuple):
    """`[B]` each, float64. advantage: of all tokens of the row. padding: of what is outside the mask. fallback: bool, rows of
    groups that fell back to GRPO because of an outlier.
    """

    advantage: torch.Tensor
    padding: torch.Tensor
    fallback: torch.Tensor


def row_advantages(rewards, length, width: int, ids, config: HAPOConfig, session=None, member=None, acc=None) -> RowAdvantages:
    """`token_level_group_advantage` in numbers per row: rewards, length (tokens in the mask): `[B]`; width: T; ids: `index`."""
    rewards, length = rewards.double(), length.double()
    groups = Groups(ids, rewards.device)
    weight = row_weights(range(len(groups.of_row)) if session is None else session, rewards.device, member)
    equal = _equal_verdicts(acc, weight, groups, config)  # [B]
    by_std = ~equal if config.norm_adv_by_std else torch.zeros_like(equal)
    grpo = torch.where(by_std, grpo_advantage(rewards, weight, groups), grpo_advantage(rewards, weight, groups, False))
    if config.equal_acc == "drop":
        grpo = grpo.masked_fill(equal, 0)
    if not config.token_level_advantage:
        return RowAdvantages(grpo, torch.zeros_like(grpo), torch.zeros_like(grpo, dtype=torch.bool))

    mean, std = groups.mean_and_std(rewards, length)
    divisor = torch.where(by_std, std + EPSILON, 1)
    advantage, padding = (rewards - mean) / divisor, (0 - mean) / divisor
    if config.equal_acc == "drop":
        advantage, padding = advantage.masked_fill(equal, 0), padding.masked_fill(equal, 0)

    # Comparisons are written so that NaN is no outlier: it must reach the gradient norm, not vanish.
    outlier = (advantage.abs() >= OUTLIER) & (length > 0)
    if config.variant == "released":
        outlier |= (padding.abs() >= OUTLIER) & (length < width)
    else:
        padding = torch.zeros_like(padding)
    fallback = groups.total(outlier.double()) > 0  # of the row's group
    return RowAdvantages(torch.where(fallback, grpo, advantage), padding.masked_fill(fallback, 0), fallback)


def rescaled_share(advantage: torch.Tensor, grpo: torch.Tensor, tokens: torch.Tensor) -> float:
    """Of the tokens, those whose advantage is not GRPO's by a tenth of it or more.

    A tenth, as none is the same: the two deviations alone, of a population and of a sample, differ by 3 % at 16 responses.

    Args:
        advantage, grpo: `[B]` from `row_advantages`. tokens: `[B]`, how many each row has.
    """
    rescaled = (advantage - grpo).abs() > grpo.abs() / 10
    return float((rescaled * tokens).sum() / tokens.sum().clamp(min=1))


def _equal_verdicts(acc, weight, groups: Groups, config: HAPOConfig) -> torch.Tensor:
    """`[B]` bool: rows of groups that `equal_acc` treats in another way, as all their members have the same verdict."""
    if config.equal_acc == "normalised":
        return torch.zeros_like(weight, dtype=torch.bool)
    if acc is None or (acc.isnan() & (weight > 0)).any():
        raise ValueError(
            f"hapo.equal_acc={config.equal_acc} needs the verdict of every response: let the reward function return a dict "
            "with 'score' and 'acc', or set it to normalised"
        )
    least, greatest = groups.extremes(acc.to(weight), weight > 0)
    return least >= greatest
