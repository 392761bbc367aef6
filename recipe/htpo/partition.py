"""Split the tokens of a batch into HTPO's eight groups (arXiv:2605.08283): prompt difficulty x correctness x entropy."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from recipe.htpo.settings import HTPOConfig
from recipe.primitives import host
from recipe.primitives.ragged import Ragged, covers, in_threads, like
from recipe.primitives.ranks import sort_rows
from recipe.rivals.selection import batch_border, random_scores


def partition_tokens(
    entropy: torch.Tensor,
    response_mask: torch.Tensor,
    hard: torch.Tensor,
    correct: torch.Tensor,
    config: HTPOConfig,
    border: torch.Tensor | None = None,
) -> torch.Tensor:
    """Give every response token the id of its group.

    A row depends on nothing but itself and the border, if one is given, so neither padding nor the other rows of a
    (micro-)batch change the result.

    Args:
        entropy: floating, nats, padded `[B, T]` or, on the CPU, nested `[B, j]`. Entries outside the mask are ignored. bfloat16
            is compared as float32. Not looked at for NaN, which would wait for a device: see recipe.primitives.finite.
        response_mask: `[B, T]` bool or 0/1, True at response tokens (holes are fine: tool output in a multi-turn session).
            Beside nested entropies, T is at least their longest row.
        hard: `[B]` bool, the prompt's mean accuracy is below the threshold.
        correct: `[B]` bool, the verifier's verdict on this response.
        config: fractions, and which groups detach.
        border: `[]` or `[B]`, the entropy from which a token is high-entropy; None: each row's own.

    Returns:
        int8, in the layout of `entropy`. 0: not a response token. g in 1..8: a token of group g, see `GROUPS`. -g: a token of
        group g that the objective detaches; its loss is 0 and it still counts in the token mean.

    Raises:
        ValueError: shapes do not fit.
    """
    if not (covers(response_mask, entropy) and hard.shape == correct.shape == response_mask.shape[:1]):
        raise ValueError(
            f"partition_tokens takes entropy and response_mask [B, T] and hard and correct [B]; got {list(entropy.shape)}, "
            f"{list(response_mask.shape)}, {list(hard.shape)} and {list(correct.shape)}"
        )
    entropy = entropy.detach()
    # Group ids are 1 + 4 * easy + 2 * wrong + high.
    low_id = 1 + 4 * (~hard.bool()).to(torch.int8) + 2 * (~correct.bool()).to(torch.int8)  # [B]
    if border is not None:
        border = border.expand(len(low_id)).unsqueeze(1)
    if not host.on_host(entropy):
        return _groups(entropy, response_mask.bool(), low_id, config, border)

    rows = Ragged.of(entropy)
    nowhere = len(rows.values)
    found = torch.zeros(nowhere + 1, dtype=torch.int8)

    def split(block: torch.Tensor) -> None:
        places, exists = rows.places(block)
        mask = response_mask[block, : places.shape[1]].bool().logical_and_(exists)
        values = rows.values.index_select(0, places.clamp_(max=nowhere - 1).view(-1)).view(places.shape)
        groups = _groups(values, mask, low_id[block], config, None if border is None else border[block])
        found.scatter_(0, places.masked_fill_(~exists, nowhere).view(-1), groups.view(-1))

    in_threads(split, rows.blocks())
    return like(found[:nowhere], entropy)


def _groups(entropy, mask, low_id, config: HTPOConfig, border) -> torch.Tensor:
    """`partition_tokens` of padded rows; low_id: `[B]` int8, the id of a row's low-entropy group; border: `[B, 1]` or None."""
    if entropy.dtype not in (torch.float32, torch.float64):
        entropy = entropy.float()
    # One ascending sort serves all borders: the n valid entropies of a row come first, the rest is +inf.
    ranked = sort_rows(torch.where(mask, entropy, torch.inf))
    n = mask.sum(dim=1)  # [B]

    def ranked_at(position: torch.Tensor) -> torch.Tensor:  # [B] -> [B, 1]
        return ranked.gather(1, position.clamp(0, ranked.shape[1] - 1).unsqueeze(1))

    high = entropy >= (ranked_at(n - _share(config.high_entropy_fraction, n)) if border is None else border)
    high &= mask

    # The low-entropy tokens hold the ranks [0, n - n_high), the high-entropy ones [n - n_high, n).
    n_high = high.sum(dim=1)
    n_low = n - n_high
    detached = torch.zeros_like(mask)
    for is_high, member, first, count in ((0, ~high, 0, n_low), (1, high, n_low, n_high)):
        if rows := _rows_with("highest", is_high, low_id, config):
            border = ranked_at(first + count - _share(config.detach_highest_fraction, count))
            detached |= (entropy >= border.masked_fill(*rows)) & member
        if rows := _rows_with("lowest", is_high, low_id, config):
            # Strictly below the border, as released: where the share is a single token, nothing is detached.
            border = ranked_at(first + _share(config.detach_lowest_fraction, count) - 1)
            detached |= (entropy < border.masked_fill(*rows)) & member
    # Products of int8 and not where, which takes several times as long on a CPU.
    sign = detached.view(torch.int8).mul(-2).add_(1)
    return (low_id.unsqueeze(1) + high.view(torch.int8)).mul_(sign).mul_(mask.view(torch.int8))


def _rows_with(detach: str, is_high: int, low_id: torch.Tensor, config: HTPOConfig) -> tuple[torch.Tensor, float] | None:
    """Which rows do not detach that part of their low- or high-entropy tokens, and NaN, a border that no entropy is beyond."""
    ids = [i for i in config.groups_with(detach=detach) if i % 2 != is_high]
    return (~is_any_of(low_id + is_high, ids).unsqueeze(1), torch.nan) if ids else None


def ranked_by(
    entropy: torch.Tensor, response_mask: torch.Tensor, keys: Sequence[str], config: HTPOConfig
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """What `partition_tokens` is given for the entropy and the border of a whole batch, as `high_entropy_by` says.

    Args:
        entropy, response_mask: as for `partition_tokens`. keys: `[B]`, another one for each row of a run.
    """
    if config.high_entropy_by == "batch":
        return entropy, batch_border(entropy, response_mask, config.high_entropy_fraction)
    if config.high_entropy_by == "random":
        width = int(entropy.offsets().diff().max()) if entropy.is_nested else entropy.shape[1]
        scores = random_scores(keys, width).to(response_mask.device)
        return (like(Ragged.of(entropy).flat(scores), entropy) if entropy.is_nested else scores), None
    return entropy, None


def row_labels(token_groups: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Read `hard` and `correct` (`[B]` bool each) back from a partition. Rows without a response token read as easy, right."""
    # All tokens of a row share both labels, so the row's largest |id| - 1 carries them in its bits 4 and 2.
    row_id = (token_groups.abs().amax(dim=1) - 1).clamp(min=0)
    some = token_groups.ne(0).any(dim=1)
    return (row_id < 4) & some, (row_id & 2) == 0


def is_any_of(groups: torch.Tensor, ids) -> torch.Tensor:
    """Bool, of the shape of `groups`: which are one of `ids`, and not detached. Comparisons of int8, no gather."""
    found = torch.zeros_like(groups, dtype=torch.bool)
    for i in ids:
        found |= groups == i
    return found


def _share(fraction: float, count: torch.Tensor) -> torch.Tensor:
    """max(int(fraction * count), 1) per row, in float64 as Python computes it."""
    return (count.double() * fraction).long().clamp_(min=1)
