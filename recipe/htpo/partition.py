"""Split the tokens of a batch into HTPO's eight groups (arXiv:2605.08283): prompt difficulty x correctness x entropy."""

from __future__ import annotations

import torch

from recipe.htpo.settings import HTPOConfig
from recipe.primitives import host


def partition_tokens(
    entropy: torch.Tensor,
    response_mask: torch.Tensor,
    hard: torch.Tensor,
    correct: torch.Tensor,
    config: HTPOConfig,
) -> torch.Tensor:
    """Give every response token the id of its group.

    A row depends on nothing but itself, so neither padding nor the other rows of a (micro-)batch change the result.

    Args:
        entropy: `[B, T]` floating, nats. Entries outside the mask are ignored. bfloat16 is compared as float32. Not looked at
            for NaN, which would wait for a device: see recipe.primitives.finite.
        response_mask: `[B, T]` bool or 0/1, True at response tokens (holes are fine: tool output in a multi-turn session).
        hard: `[B]` bool, the prompt's mean accuracy is below the threshold.
        correct: `[B]` bool, the verifier's verdict on this response.
        config: fractions, and which groups detach.

    Returns:
        `[B, T]` int8. 0: not a response token. g in 1..8: a token of group g, see `GROUPS`. -g: a token of group g that
        the objective detaches; its loss is 0 and it still counts in the token mean.

    Raises:
        ValueError: shapes do not fit.
    """
    if entropy.shape != response_mask.shape or not (hard.shape == correct.shape == entropy.shape[:1]):
        raise ValueError(
            f"partition_tokens takes entropy and response_mask [B, T] and hard and correct [B]; got {list(entropy.shape)}, "
            f"{list(response_mask.shape)}, {list(hard.shape)} and {list(correct.shape)}"
        )
    mask = response_mask.bool()
    hard, correct = hard.bool(), correct.bool()
    entropy = entropy.detach()
    if entropy.dtype not in (torch.float32, torch.float64):
        entropy = entropy.float()

    # One ascending sort serves all three borders: the n valid entropies of a row come first, the rest is +inf.
    ranked = _sort_rows(entropy.masked_fill(~mask, torch.inf))
    n = mask.sum(dim=1)  # [B]

    def ranked_at(position: torch.Tensor) -> torch.Tensor:  # [B] -> [B, 1]
        return ranked.gather(1, position.clamp(0, ranked.shape[1] - 1).unsqueeze(1))

    high = mask & (entropy >= ranked_at(n - _share(config.high_entropy_fraction, n)))

    # Group ids are 1 + 4 * easy + 2 * wrong + high.
    row_id = (1 + 4 * (~hard).to(torch.int8) + 2 * (~correct).to(torch.int8)).unsqueeze(1)  # [B, 1]
    groups = (row_id + high.to(torch.int8)).masked_fill_(~mask, 0)

    # The low-entropy tokens hold the ranks [0, n - n_high), the high-entropy ones [n - n_high, n).
    n_high = high.sum(dim=1)
    for is_high, first, count in ((0, 0 * n, n - n_high), (1, n - n_high, n_high)):
        if ids := [i for i in config.groups_with(detach="highest") if i % 2 != is_high]:
            border = ranked_at(first + count - _share(config.detach_highest_fraction, count))
            groups = torch.where(is_any_of(groups, ids) & (entropy >= border), -groups, groups)
        if ids := [i for i in config.groups_with(detach="lowest") if i % 2 != is_high]:
            # Strictly below the border, as released: where the share is a single token, nothing is detached.
            border = ranked_at(first + _share(config.detach_lowest_fraction, count) - 1)
            groups = torch.where(is_any_of(groups, ids) & (entropy < border), -groups, groups)
    return groups


def row_labels(token_groups: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Read `hard` and `correct` (`[B]` bool each) back from a partition. Rows without a response token read as easy, right."""
    # All tokens of a row share both labels, so the row's largest |id| - 1 carries them in its bits 4 and 2.
    row_id = (token_groups.abs().amax(dim=1) - 1).clamp(min=0)
    some = token_groups.ne(0).any(dim=1)
    return (row_id < 4) & some, (row_id & 2) == 0


def is_any_of(groups: torch.Tensor, ids) -> torch.Tensor:
    """`[B, T]` bool: the token is in one of the groups `ids` and not detached. Comparisons of int8, no gather."""
    found = torch.zeros_like(groups, dtype=torch.bool)
    for i in ids:
        found |= groups == i
    return found


def _share(fraction: float, count: torch.Tensor) -> torch.Tensor:
    """max(int(fraction * count), 1) per row, in float64 as Python computes it."""
    return (count.double() * fraction).long().clamp_(min=1)


def _sort_rows(values: torch.Tensor) -> torch.Tensor:
    """Sort each row, ascending."""
    if host.on_host(values):
        try:
            import numpy as np
        except ImportError:
            pass
        else:
            # NumPy sorts floats with SIMD instructions; torch's CPU topk and sort took 4 to 12 times as long.
            return torch.from_numpy(np.sort(values.numpy(), axis=1))
    return values.sort(dim=1).values
