"""EDGE-GRPO's entropy-driven advantage (arXiv:2507.21848): confident answers count more, right or wrong.

    P_i = mean entropy of response i's tokens, p_i = P_i / mean of P over the prompt's responses, A'_i = A_i / p_i

with GRPO's A. Where it differs from the publication: the guided correction of wrong answers, which needs worked solutions, is
left out; p_i is at least `LEAST`, so that a response of which the policy was sure has no advantage without bounds; and P is
that of the old policy, once a step, where the authors' code (ZhangXJ199/EDGE-GRPO) has that of the policy being updated, and
the mean of P over all responses of an update.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import torch

from recipe.primitives.group_advantage import Groups

LEAST = 0.1


def edge_advantages(
    advantage: torch.Tensor, entropy: torch.Tensor, mask: torch.Tensor, prompts: Iterable[Hashable]
) -> torch.Tensor:
    """`[B]` float64.

    Args:
        advantage: `[B]`, GRPO's. prompts: `[B]`, the prompt of each response; one without a token counts in no mean.
        entropy: `[B, T]` nats. mask: `[B, T]` bool, set at response tokens.
    """
    tokens = mask.sum(1)
    mean = entropy.double().masked_fill(~mask, 0).sum(1) / tokens.clamp(min=1)
    groups = Groups(prompts, mask.device)
    of_group = groups.total(mean) / groups.total((tokens > 0).double()).clamp(min=1)
    relative = torch.where(of_group > 0, mean / of_group, 1).clamp(min=LEAST)
    return advantage.double() / relative
