"""Start torch.distributed on CPU.

Upstream: `verl.utils.distributed.initialize_global_process_group_ray` (verl 0.9.1) builds the backend as
`cpu:gloo,{device}:{backend}`. Where the device is the CPU this reads `cpu:gloo,cpu:gloo`, and torch rejects a device
named twice. Here the caller's missing backend becomes `cpu:gloo`.
"""

from __future__ import annotations

import functools

import verl.utils.distributed as target


def apply() -> None:
    """Patch verl, once; call before `verl.workers` is imported, which takes the function by name."""
    original = target.initialize_global_process_group_ray
    if hasattr(original, "__wrapped__"):
        return

    @functools.wraps(original)
    def initialize_global_process_group_ray(timeout_second=None, backend=None):
        return original(timeout_second=timeout_second, backend=backend or "cpu:gloo")

    target.initialize_global_process_group_ray = initialize_global_process_group_ray
