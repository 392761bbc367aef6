"""GRPO's baseline (arXiv:2402.03300): a response is compared with the others to the same prompt."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import torch

EPSILON = 1e-6  # as verl's GRPO


class Groups:
    """Sums over the rows of the same group, given back to every row of it."""

    def __init__(self, ids: Iterable[Hashable], device: torch.device) -> None:
        number: dict = {}
        self.of_row = torch.tensor([number.setdefault(i, len(number)) for i in ids], dtype=torch.long, device=device)
        self.count = len(number)

    def total(self, values: torch.Tensor) -> torch.Tensor:
        """`[B]` -> `[B]`."""
        return values.new_zeros(self.count).index_add_(0, self.of_row, values)[self.of_row]

    def extremes(self, values: torch.Tensor, counted: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Least and greatest of the `counted` (`[B]` bool) values, `[B]` each; inf and -inf for a group without one."""
        least = values.new_full((self.count,), torch.inf)
        least.scatter_reduce_(0, self.of_row, torch.where(counted, values, torch.inf), "amin")
        greatest = values.new_full((self.count,), -torch.inf)
        greatest.scatter_reduce_(0, self.of_row, torch.where(counted, values, -torch.inf), "amax")
        return least[self.of_row], greatest[self.of_row]

    def mean_and_std(self, values: torch.Tensor, weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Weighted mean and population deviation, `[B]` each; 0 for a group without weight.

        Where all values with weight are equal, the mean is that value and the deviation 0, without a rounding error, which
        a division by a deviation of the same size would make an advantage of.
        """
        whole = self.total(weight)
        whole = torch.where(whole > 0, whole, 1)
        mean = self.total(weight * values) / whole
        std = (self.total(weight * (values - mean).square()) / whole).sqrt()
        least, greatest = self.extremes(values, weight > 0)
        alike = least == greatest  # NaN is not equal to itself, and stays
        return torch.where(alike, least, mean), std.masked_fill(alike, 0)


def row_weights(
    session: Iterable[Hashable], device: torch.device | str = "cpu", member: torch.Tensor | None = None
) -> torch.Tensor:
    """`[B]` float64, 1 over the number of the session's rows, so that a session of several outputs counts once.

    member: `[B]` bool, rows of sessions that belong to their group; others have no weight. By default all do.
    """
    groups = Groups(session, device)
    weight = 1 / groups.total(torch.ones(len(groups.of_row), dtype=torch.float64, device=device))
    return weight if member is None else weight.masked_fill(~member, 0)


def grpo_advantage(rewards: torch.Tensor, weight: torch.Tensor, groups: Groups, norm_by_std: bool = True) -> torch.Tensor:
    """GRPO advantage of each response, as verl has it: sample deviation; a group of one has mean 0 and deviation 1.

    Equal rewards of two responses and more have the advantage 0 exactly.

    Args:
        rewards: `[B]` float64; every row of a session has the session's reward.
        weight: `[B]` float64 from `row_weights`, or ones, so that the sum over a group is its number of responses. A row
            without weight moves nothing; its own advantage has no meaning.
        groups: of the prompts.
        norm_by_std: divide by the deviation.

    Returns:
        `[B]` float64.
    """
    size = groups.total(weight).round()
    mean, std = groups.mean_and_std(rewards, weight)
    std = std * (size / (size - 1)).sqrt()
    alone = size == 1
    mean, std = mean.masked_fill(alone, 0), std.masked_fill(alone, 1)
    return (rewards - mean) / (std + EPSILON) if norm_by_std else rewards - mean
