"""Ulysses sequence parallelism over gloo.

Upstream: `verl.utils.ulysses.all_to_all_tensor` (verl 0.9.1) exchanges lists of tensors, which torch's gloo (2.11) refuses
("Backend gloo does not support alltoall"); one tensor, cut in equal parts, it exchanges.
"""

from __future__ import annotations

import torch
import torch.distributed as dist
import verl.utils.ulysses as target


def all_to_all_tensor(local_input, scatter_dim, gather_dim, group=None, async_op=False):
    """As verl's, for tensors whose scattered dimension is a multiple of the group's size."""
    group = target.get_ulysses_sequence_parallel_group() if group is None else group
    size = dist.get_world_size(group)
    parts = torch.stack(local_input.chunk(size, scatter_dim))  # [size, ...]
    received = torch.empty_like(parts)
    work = dist.all_to_all_single(received, parts, group=group, async_op=async_op)

    def joined():
        if async_op:
            work.wait()
        return torch.cat(received.unbind(), dim=gather_dim)

    return joined if async_op else joined()


def apply() -> None:
    """Patch verl, once."""
    target.all_to_all_tensor = all_to_all_tensor
