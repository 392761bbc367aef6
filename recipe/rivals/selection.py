"""Which tokens are taken for forking ones, where it is not the most uncertain of each response.

80/20's publication (arXiv:2506.01939) takes the most uncertain fifth of a batch; a control (arXiv:2605.07660) takes a fifth at
random, which is said to do nearly as well as all tokens. Both are decided once for a whole batch, before it is cut into
mini- and micro-batches. The random one goes by a hash of row key and position, so that neither the other rows nor their order
decide.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch

from recipe.primitives.ragged import at_tokens
from recipe.primitives.ranks import value_at_rank

GOLDEN, MIX_1, MIX_2 = (x - 2**64 for x in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def batch_border(entropy: torch.Tensor, mask: torch.Tensor, fraction: float) -> torch.Tensor:
    """`[]`: the entropy from which a token belongs to the most uncertain `fraction` of the batch's, at least one token.

    Where there is no token, infinite.

    Args:
        entropy: padded `[B, T]` or nested `[B, j]`, nats. mask: bool, in the same layout or padded beside nested entropies.
    """
    values = at_tokens(entropy.detach(), mask.bool())
    values = values if values.dtype == torch.float64 else values.float()
    if len(values) == 0:
        return values.new_tensor(torch.inf, dtype=torch.float64)
    return value_at_rank(values, len(values) - max(int(fraction * len(values)), 1))


def random_scores(keys: Sequence[str], width: int) -> torch.Tensor:
    """`[B, width]` float64, uniform in [0, 1): a hash of each row's key and the position.

    Args:
        keys: `[B]`, of prompt, session and output, another one for each row of a run.
    """
    seeds = [int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little", signed=True) for key in keys]
    position = torch.arange(1, width + 1)
    x = torch.tensor(seeds, dtype=torch.int64).unsqueeze(1) + position * GOLDEN  # int64 wraps around; this is SplitMix64
    x = (x ^ _shifted(x, 30)) * MIX_1
    x = (x ^ _shifted(x, 27)) * MIX_2
    return _shifted(x ^ _shifted(x, 31), 11).double() * 2.0**-53


def _shifted(x: torch.Tensor, bits: int) -> torch.Tensor:
    """To the right, with zeros from the left, as of an unsigned number."""
    return (x >> bits) & (2 ** (64 - bits) - 1)
