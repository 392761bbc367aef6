"""The reference worker and `fsdp_config.offload_policy` on the CPU.

Upstream: verl's FSDP2 engine (0.9.1, `verl.workers.engine.fsdp.transformer_impl`) keeps a reference model's weights on the host
by `CPUOffloadPolicy(pin_memory=True)`, which it takes from `verl.utils.fsdp_utils`; pinning memory raises where there is no
accelerator. Here nothing is pinned.
"""

from __future__ import annotations

import verl.utils.fsdp_utils as target
from torch.distributed.fsdp import CPUOffloadPolicy


def not_pinned(pin_memory: bool = True) -> CPUOffloadPolicy:
    """In place of the class."""
    return CPUOffloadPolicy(pin_memory=False)


def apply() -> None:
    """Patch verl, once; call before `verl.workers` is imported, which takes the class by name."""
    target.CPUOffloadPolicy = not_pinned
