"""HAPO's Token-Level Group Average (arXiv:2509.16591): a group's baseline is the mean over its tokens, not its responses.

Every token carries its response's reward R, and `A = (R - mean) / (std + 1e-6)` with mean and population deviation over all
tokens of the group. So a long wrong answer moves the baseline more than a short one. Where that makes an outlier, |A| >= 5,
the whole group has GRPO's advantages: mean and sample deviation over its responses.

A response without a token has no weight in the mean over tokens. The fallback, which counts responses, leaves out those that
are no `member`: what rollout correction has rejected would else move its siblings' baseline in some groups and not in others.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

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
    return group_advantages(token_level_rewards, response_mask, index, config, session, member, acc)[0]


def group_advantages(
    token_level_rewards, response_mask, index, config: HAPOConfig, session=None, member=None, acc=None
) -> tuple[torch.Tensor, torch.Tensor]:
    """`token_level_group_advantage`, and `[B]` bool: the rows of groups that fell back to GRPO because of an outlier."""
    ids = index.tolist() if hasattr(index, "tolist") else list(index)
    if token_level_rewards.shape != response_mask.shape or token_level_rewards.shape[:1] != (len(ids),):
        raise ValueError(
            f"token_level_group_advantage takes token_level_rewards and response_mask [B, T] and index [B]; got "
            f"{list(token_level_rewards.shape)}, {list(response_mask.shape)} and {len(ids)} ids"
        )
    mask = response_mask.bool()
    dtype = torch.promote_types(token_level_rewards.dtype, torch.float32)
    # One number per row, so float64 costs nothing.
    rewards = token_level_rewards.detach().to(dtype).sum(dim=1).double()  # [B]
    groups = Groups(ids, rewards.device)
    weight = row_weights(range(len(ids)) if session is None else session, rewards.device, member)
    equal = _equal_verdicts(acc, weight, groups, config)  # [B]
    by_std = ~equal if config.norm_adv_by_std else torch.zeros_like(equal)
    grpo = torch.where(by_std, grpo_advantage(rewards, weight, groups), grpo_advantage(rewards, weight, groups, False))
    if config.equal_acc == "drop":
        grpo = grpo.masked_fill(equal, 0)
    if not config.token_level_advantage:
        return torch.where(mask, grpo.unsqueeze(1), 0.0).to(dtype), torch.zeros_like(grpo, dtype=torch.bool)

    length = mask.sum(dim=1).double()
    mean, std = groups.mean_and_std(rewards, length)
    divisor = torch.where(by_std, std + EPSILON, 1)
    advantage, padding = (rewards - mean) / divisor, (0 - mean) / divisor  # [B] each
    if config.equal_acc == "drop":
        advantage, padding = advantage.masked_fill(equal, 0), padding.masked_fill(equal, 0)

    # Comparisons are written so that NaN is no outlier: it must reach the gradient norm, not vanish.
    outlier = (advantage.abs() >= OUTLIER) & (length > 0)
    if config.variant == "released":
        outlier |= (padding.abs() >= OUTLIER) & (length < mask.shape[1])
    else:
        padding = torch.zeros_like(padding)
    fallback = groups.total(outlier.double()) > 0  # [B], of the row's group
    advantage = torch.where(fallback, grpo, advantage)
    padding = padding.masked_fill(fallback, 0)
    return torch.where(mask, advantage.unsqueeze(1), padding.unsqueeze(1)).to(dtype), fallback


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
