"""`attn_implementation=flash_attention_2` on the CPU, so that unpadded batches and Ulysses take the code path of a GPU.

Upstream: transformers refuses FlashAttention 2 where there is no accelerator (`FLASH_ATTENTION_COMPATIBILITY_MATRIX`, a
table that other devices are entries of) and imports the package `flash_attn` (`_lazy_imports`), which has no CPU build. Here
the CPU is one more device of the table, and its functions are PyTorch's scaled dot product attention, one sequence at a time:
the same numbers up to rounding, in any dtype, slowly. verl's padding functions need nothing; it brings its own in torch.
"""

from __future__ import annotations

import functools

import torch
import transformers.modeling_flash_attention_utils as target
from torch.nn.functional import scaled_dot_product_attention


def flash_attn_varlen_func(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    cu_seqlens_q: torch.Tensor,
    cu_seqlens_k: torch.Tensor,
    max_seqlen_q: int,
    max_seqlen_k: int,
    dropout_p: float = 0.0,
    softmax_scale: float | None = None,
    causal: bool = False,
) -> torch.Tensor:
    """Attention within each of the sequences that stand one after the other; names as in flash-attn 2.8.3.

    Args:
        q: `[tokens, heads, D]`. k, v: `[tokens, key heads, D]`.
        cu_seqlens_q, cu_seqlens_k: `[sequences + 1]` int, where each sequence begins; alike if `causal`.

    Returns:
        `[tokens, heads, D]`.
    """
    queries, keys = cu_seqlens_q.diff().tolist(), cu_seqlens_k.diff().tolist()
    if causal and queries != keys:
        raise ValueError("attention on the CPU is causal only between sequences of the same lengths")
    rows = zip(q.split(queries), k.split(keys), v.split(keys), strict=True)
    return torch.cat([_attend(*row, dropout_p, softmax_scale, causal) for row in rows])


def flash_attn_func(q, k, v, dropout_p=0.0, softmax_scale=None, causal=False):
    """Attention of padded rows, `[B, T, heads, D]`; names as in flash-attn 2.8.3."""
    return torch.stack([_attend(*row, dropout_p, softmax_scale, causal) for row in zip(q, k, v, strict=True)])


def _attend(q, k, v, dropout_p, softmax_scale, causal):
    q, k, v = (x.transpose(0, 1).unsqueeze(0) for x in (q, k, v))  # [1, heads, T, D]
    out = scaled_dot_product_attention(q, k, v, dropout_p=dropout_p, is_causal=causal, scale=softmax_scale, enable_gqa=True)
    return out.squeeze(0).transpose(0, 1)


def apply() -> None:
    """Patch transformers, once."""
    original = target._lazy_imports
    if hasattr(original, "__wrapped__"):
        return
    cpu = (lambda: True, "cpu")
    entry = target.FLASH_ATTENTION_COMPATIBILITY_MATRIX[2]
    entry["supported_devices"] += (cpu,)
    entry["custom_supported_devices"] += (cpu,)

    @functools.wraps(original)
    def _lazy_imports(implementation, *args, **kwargs):
        if implementation != "flash_attention_2":
            return original(implementation, *args, **kwargs)
        return flash_attn_func, flash_attn_varlen_func, None, target._pad_input, target._unpad_input

    target._lazy_imports = _lazy_imports
