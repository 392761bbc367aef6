"""Bool masks as numbers."""

from __future__ import annotations

import torch


def as_float(mask: torch.Tensor) -> torch.Tensor:
    """A bool mask as 0 and 1 in float32. By way of int8: on a CPU torch converts, adds up and multiplies bools slowly."""
    return mask.float() if torch.compiler.is_compiling() else mask.view(torch.int8).float()
