"""Responses of different lengths, padded `[B, T]` or nested `[B, j]`, worked on without a padded copy of them all.

What depends on a row only can be computed block by block: some rows of similar length, padded to the longest of them. A block
fits a core's cache, and several threads work at a time, for which NumPy and torch release Python's lock. So the time of a token
depends neither on the number of rows nor on how different their lengths are, and no loop is over rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch

# Entries of a block. With fewer, Python's part of an operation takes longer than the operation and lets no second thread work;
# more do not fit a core's cache.
BLOCK = 262_144


@dataclass(frozen=True)
class Ragged:
    """The rows of a tensor in one dimension.

    values: `[N]`, of all rows one after another.
    starts, lengths: `[B]`, where in `values` a row begins, and how many entries it has.
    """

    values: torch.Tensor
    starts: torch.Tensor
    lengths: torch.Tensor

    @classmethod
    def of(cls, rows: torch.Tensor) -> Ragged:
        """Padded `[B, T]`, of which every row has T entries, or nested `[B, j]`; no copy if it is contiguous."""
        if rows.is_nested:
            offsets = rows.offsets()
            return cls(rows.values(), offsets[:-1], offsets.diff())
        count, width = rows.shape
        return cls(
            rows.reshape(-1),
            torch.arange(count, device=rows.device) * width,
            torch.full((count,), width, device=rows.device),
        )

    def places(self, block: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Of a block's rows, padded to its first: where in `values` their entries are, and which exist; `[b, w]` int64, bool.

        An entry that does not exist has a place after its row, and perhaps after all.
        """
        lengths = self.lengths[block].unsqueeze(1)
        place = torch.arange(int(lengths[0]))
        return self.starts[block].unsqueeze(1) + place, place < lengths

    def flat(self, padded: torch.Tensor) -> torch.Tensor:
        """`[N]`: what a padded `[B, T]` has for each entry."""
        found = padded.new_empty(len(self.values) + 1)

        def put(block: torch.Tensor) -> None:
            places, exists = self.places(block)
            places.masked_fill_(~exists, len(self.values))
            found.scatter_(0, places.view(-1), padded[block, : places.shape[1]].reshape(-1))

        in_threads(put, self.blocks())
        return found[:-1]

    def blocks(self) -> Iterator[torch.Tensor]:
        """Numbers of rows of similar length, `[b]` each, the longest first; rows without an entry are left out."""
        lengths, order = self.lengths.sort(descending=True, stable=True)
        first, some = 0, int((lengths > 0).sum())
        while first < some:
            last = min(first + max(BLOCK // int(lengths[first]), 1), some)
            yield order[first:last]
            first = last


def covers(mask: torch.Tensor, values: torch.Tensor) -> bool:
    """Whether a mask has an entry for each of the values: it has their layout, or is padded `[B, T]` beside nested ones."""
    if not values.is_nested:
        return not mask.is_nested and mask.shape == values.shape
    if mask.is_nested:
        return torch.equal(mask.offsets(), values.offsets())
    lengths = values.offsets().diff()
    return mask.shape[:1] == lengths.shape and mask.ndim == 2 and bool((lengths <= mask.shape[1]).all())


def at_tokens(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """`[M]`: the entries where the mask is set, row after row, without a copy of nested values where it is set everywhere.

    Args:
        values: padded `[B, T]` or nested `[B, j]`.
        mask: bool, in the same layout, or padded `[B, T]` beside nested values, of which T is at least the longest row.
    """
    if not values.is_nested:
        return values[mask]
    rows = Ragged.of(values)
    mask = mask.values() if mask.is_nested else rows.flat(mask)
    return rows.values if mask.all() else rows.values[mask]


def like(values: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """`[N]` values of all entries, in the layout of `rows`, padded `[B, T]` or nested `[B, j]`; no copy."""
    if not rows.is_nested:
        return values.view(rows.shape)
    offsets = rows.offsets()
    longest = int(offsets.diff().max()) if len(offsets) > 1 else 0  # or torch pads it to the sum of the lengths
    return torch.nested.nested_tensor_from_jagged(values, offsets, max_seqlen=longest)


def in_threads(function: Callable, items: Iterable) -> list:
    """Results of the function for each of the items, in their order; as many at a time as torch has threads."""
    items = list(items)
    if len(items) < 2:
        return [function(item) for item in items]
    with ThreadPoolExecutor(min(torch.get_num_threads(), len(items))) as pool:
        return list(pool.map(function, items))
