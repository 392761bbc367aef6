"""A guard for token entropies, which all token-level methods start from."""

from __future__ import annotations

import torch

from recipe.primitives import host
from verl_patches.device_assertion import assert_on_device


def check_finite(entropy: torch.Tensor, mask: torch.Tensor, waits: bool = False) -> None:
    """Refuse an entropy that is not finite at a response token.

    Args:
        entropy: `[B, T]` floating, nats.
        mask: `[B, T]` bool, the response tokens.
        waits: whether the caller waits for the device anyway.

    Raises:
        ValueError: names the rows. On CUDA a device-side assertion stops the process instead, unless the caller `waits`.
    """
    fine = (entropy.isfinite() | ~mask).all(dim=1)  # [B]
    if not waits and not host.on_host(entropy):
        assert_on_device(fine.all())
    elif not fine.all():
        rows = (~fine).nonzero().flatten().tolist()
        raise ValueError(
            f"the entropy of row {', '.join(map(str, rows[:8]))} is not finite at a response token; the policy's logits "
            "have become NaN or infinite (look at the gradient norm of the step before)"
        )
