"""Batches as overlong filtering and rollout rejection leave them: tokens of a response that are in no loss."""

import torch


def kept_tokens(response_mask: torch.Tensor) -> torch.Tensor:
    """`[B, T]` bool. Rows 1 and 5 are filtered or rejected as a whole, of rows 2 and 3 some tokens are rejected."""
    kept = response_mask.bool().clone()
    kept[[1, 5]] = False
    kept[2, ::3] = False
    kept[3, 1:] = False
    return kept
