"""An assertion on an accelerator that does not wait for it.

Missing in torch's public interface (2.11): reading a tensor's truth value synchronises. Imports nothing else of this
project's but the contract.
"""

from __future__ import annotations

import torch

from verl_patches.contract import check

check("device assertion")


def assert_on_device(condition: torch.Tensor) -> None:
    """Stop the process, at some later time, if the scalar bool tensor is False."""
    torch._assert_async(condition)
