"""GTPO's token advantages (arXiv:2508.04349): a part of the reward is shared out at each position by entropy.

Of a prompt, n responses are right and m wrong; d_t of the right ones and h_t of the wrong ones have a token t.

    right   r_it = r_i + alpha * d_t * H_it / sum of H_kt over the right ones
    wrong   r_jt = -1 - alpha * h_t * (1 / H_jt) / sum of 1 / H_kt over the wrong ones

    A_it = (r_it - mean) / std, mean and population deviation over the tokens of the prompt's right responses, and likewise,
    apart from them, over those of its wrong ones

So uncertain tokens of right answers and certain ones of wrong answers weigh more. As each side has a mean of its own, an
advantage compares a token with others of the same verdict: of right answers about half the tokens have a negative one.

Where it differs from the publication: which responses are right says the verifier's verdict, not the reward; its text was not
at hand, so that equations 3, 5 and 6 are those on which three re-implementations agree.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import torch

from recipe.primitives.group_advantage import EPSILON, Groups

ALPHA = 0.1  # the publication's
FLOOR = 1e-8  # of an entropy that is divided by


def gtpo_advantages(
    reward: torch.Tensor,
    correct: torch.Tensor,
    entropy: torch.Tensor,
    mask: torch.Tensor,
    prompts: Iterable[Hashable],
    alpha: float = ALPHA,
) -> torch.Tensor:
    """Advantage of each token, `[B, T]` float64, 0 outside the mask.

    Args:
        reward: `[B]`. correct: `[B]` bool. prompts: `[B]`, the prompt of each response.
        entropy: `[B, T]` nats, of the old policy. mask: `[B, T]` bool, set at response tokens.
    """
    entropy, reward = entropy.double().masked_fill(~mask, 0), reward.double().unsqueeze(1)
    correct = correct.unsqueeze(1)
    side = Groups(zip(list(prompts), correct.flatten().tolist(), strict=True), mask.device)

    def at_positions(values: torch.Tensor) -> torch.Tensor:
        """Sums over the rows of a side, position by position, for each row."""
        return values.new_zeros(side.count, values.shape[1]).index_add_(0, side.of_row, values)[side.of_row]

    weight = torch.where(correct, entropy, 1 / (entropy + FLOOR)).masked_fill(~mask, 0)
    whole = at_positions(weight)
    share = at_positions(mask.double()) * weight / torch.where(whole > 0, whole, 1)
    shaped = torch.where(correct, reward + alpha * share, -1 - alpha * share).masked_fill(~mask, 0)

    tokens = side.total(mask.sum(1).double()).clamp(min=1).unsqueeze(1)
    centered = (shaped - side.total(shaped.sum(1)).unsqueeze(1) / tokens).masked_fill(~mask, 0)
    deviation = (side.total(centered.square().sum(1)).unsqueeze(1) / tokens).sqrt()
    return centered / (deviation + EPSILON)
