"""Guards for token entropies, which all token-level methods start from; part of the policy in recipe/runs/finite.py."""

from __future__ import annotations

import torch

from recipe.primitives.ragged import Ragged


def check_finite(entropy: torch.Tensor, mask: torch.Tensor) -> None:
    """Refuse an entropy that is not finite at a response token. Waits for the device.

    Args:
        entropy: floating, nats, padded `[B, T]` or nested `[B, j]`.
        mask: `[B, T]` bool, the response tokens; beside nested entropies, T is at least their longest row.

    Raises:
        ValueError: names the rows.
    """
    if entropy.is_nested:
        rows = Ragged.of(entropy)
        if rows.values.isfinite().all():
            return
        longest = int(rows.lengths.max())  # to which torch pads it if it knows it, else to the sum of the lengths
        entropy, mask = entropy.to_padded_tensor(0.0)[:, :longest], mask[:, :longest]
    fine = _fine(entropy, mask)
    if not fine.all():
        rows = (~fine).nonzero().flatten().tolist()
        raise ValueError(
            f"the entropy of row {', '.join(map(str, rows[:8]))} is not finite at a response token; the policy's logits "
            "have become NaN or infinite (look at the gradient norm of the step before)"
        )


def nan_unless_finite(entropy: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """`[B, 1]`: NaN for rows with an entropy that is not finite at a response token, 1 for others.

    A loss times this has a gradient that is not finite, so that the optimizer's step is left out. Does not wait for the device.

    Args:
        entropy: `[B, T]` floating, nats.
        mask: `[B, T]` bool or 0/1, the response tokens.
    """
    return torch.where(_fine(entropy, mask.bool()), 1.0, torch.nan).unsqueeze(1)


def _fine(entropy: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return (entropy.isfinite() | ~mask).all(dim=1)  # [B]
