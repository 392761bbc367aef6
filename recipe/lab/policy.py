"""A tiny transformer, of which several copies live side by side: each weight has a leading dimension of `[S]` seeds.

The architecture is Qwen3's (RMS norm, rotary positions, grouped queries with normed heads, SwiGLU, tied embeddings), so that
weights of a `Qwen3ForCausalLM` fit in (`Policy.load`) and an update here can be compared with one of the real stack.
The rows of a batch are `[R] = [S * B]`, seed by seed; S copies cost little more than one, since at this size it is the number
of operations that takes the time.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

PAD = 0  # token id


@dataclass(frozen=True)
class Sizes:
    """Of one copy."""

    vocabulary: int
    width: int = 64
    layers: int = 2
    heads: int = 4
    key_heads: int = 2
    head: int = 16
    inner: int = 128
    rope_theta: float = 10_000.0
    norm_epsilon: float = 1e-6

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of each weight of one copy; matrices take their input from the left, `x @ w`."""
        layer = {
            "norm": (self.width,),
            "query": (self.width, self.heads * self.head),
            "key": (self.width, self.key_heads * self.head),
            "value": (self.width, self.key_heads * self.head),
            "query_norm": (self.head,),
            "key_norm": (self.head,),
            "out": (self.heads * self.head, self.width),
            "inner_norm": (self.width,),
            "gate": (self.width, self.inner),
            "up": (self.width, self.inner),
            "down": (self.inner, self.width),
        }
        layers = {f"{i}.{name}": shape for i in range(self.layers) for name, shape in layer.items()}
        return {"embedding": (self.vocabulary, self.width), **layers, "last_norm": (self.width,)}


# Of a Qwen3ForCausalLM, whose matrices are the other way round.
_THEIRS = {
    "norm": "input_layernorm",
    "query": "self_attn.q_proj",
    "key": "self_attn.k_proj",
    "value": "self_attn.v_proj",
    "query_norm": "self_attn.q_norm",
    "key_norm": "self_attn.k_norm",
    "out": "self_attn.o_proj",
    "inner_norm": "post_attention_layernorm",
    "gate": "mlp.gate_proj",
    "up": "mlp.up_proj",
    "down": "mlp.down_proj",
}


class Cache:
    """Keys and values of the positions so far, one pair a layer; `[R, key heads, length, head]` each."""

    def __init__(self, sizes: Sizes, rows: int, length: int, like: torch.Tensor):
        shape = (sizes.layers, 2, rows, sizes.key_heads, length, sizes.head)
        self.values = torch.zeros(shape, dtype=like.dtype, device=like.device)
        self.filled = 0

    def extended(self, layer: int, key: torch.Tensor, value: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        end = self.filled + key.shape[2]
        self.values[layer, 0, :, :, self.filled : end] = key
        self.values[layer, 1, :, :, self.filled : end] = value
        return self.values[layer, 0, :, :, :end], self.values[layer, 1, :, :, :end]


class Policy(nn.Module):
    """S copies; see the module."""

    def __init__(self, sizes: Sizes, copies: int = 1):
        super().__init__()
        self.sizes, self.copies = sizes, copies
        self.weights = nn.ParameterDict(
            {_safe(name): nn.Parameter(torch.ones(copies, *shape)) for name, shape in sizes.shapes().items()}
        )

    def initialise(self, generator: torch.Generator) -> None:
        """All copies get the same random weights."""
        with torch.no_grad():
            for weight in self.weights.values():
                if weight.ndim > 2:
                    drawn = torch.randn(weight.shape[1:], generator=generator) * 0.02 ** (weight.shape[1] != self.sizes.inner)
                    scale = weight.shape[1] ** -0.5 if weight.shape[1] == self.sizes.inner else 1
                    weight.copy_(drawn * scale)

    def spread(self, source: Policy) -> Policy:
        """Take the weights of a single copy for all."""
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(source.weights[name].expand_as(weight))
        return self

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """Take the weights of a `Qwen3ForCausalLM` of these sizes, from its state_dict, for all copies."""
        named = {"embedding": state["model.embed_tokens.weight"], "last_norm": state["model.norm.weight"]}
        for i in range(self.sizes.layers):
            for ours, theirs in _THEIRS.items():
                weight = state[f"model.layers.{i}.{theirs}.weight"]
                named[f"{i}.{ours}"] = weight.T if weight.ndim == 2 else weight
        with torch.no_grad():
            for name, weight in named.items():
                self.weights[_safe(name)].copy_(weight.expand_as(self.weights[_safe(name)]))

    def forward(self, tokens: torch.Tensor, positions: torch.Tensor, seen: torch.Tensor, cache: Cache | None = None):
        """Logits of the next token.

        Args:
            tokens, positions: `[R, T]`, the last T of each row.
            seen: `[R, 1, T, K]` bool: which of the K positions so far, these T the last of them, each token attends to.
            cache: of the K - T earlier ones, which gets these; None: there are none.

        Returns:
            `[R, T, V]`.
        """
        sizes, w = self.sizes, lambda name: self.weights[_safe(name)]
        rows, length = tokens.shape

        def linear(x, name):  # [R, T, in] -> [R, T, out], with each row's own copy
            return torch.bmm(x.reshape(self.copies, -1, x.shape[-1]), w(name)).view(rows, length, -1)

        def normed(x, name, heads=1):  # over the last dimension of [R, T, width] or [R, T, heads, head]
            scale = w(name).repeat_interleave(rows // self.copies, 0, output_size=rows).view(rows, 1, *[1] * (x.ndim - 3), -1)
            return F.rms_norm(x, x.shape[-1:], eps=sizes.norm_epsilon) * scale

        rotation = rotary(positions, sizes.head, sizes.rope_theta, w("embedding").dtype)
        copy_of_row = torch.arange(self.copies, device=tokens.device).repeat_interleave(rows // self.copies, output_size=rows)
        x = F.embedding(tokens + (copy_of_row * sizes.vocabulary).unsqueeze(1), w("embedding").flatten(0, 1))  # [R, T, width]
        x = torch.where((tokens == PAD).unsqueeze(-1), x.detach(), x)  # as transformers' embedding with its padding_idx
        for i in range(sizes.layers):
            h = normed(x, f"{i}.norm")
            query = normed(linear(h, f"{i}.query").view(rows, length, sizes.heads, -1), f"{i}.query_norm").transpose(1, 2)
            key = normed(linear(h, f"{i}.key").view(rows, length, sizes.key_heads, -1), f"{i}.key_norm").transpose(1, 2)
            value = linear(h, f"{i}.value").view(rows, length, sizes.key_heads, -1).transpose(1, 2)
            query, key = rotated(query, rotation), rotated(key, rotation)
            if cache is not None:
                key, value = cache.extended(i, key, value)
            each = sizes.heads // sizes.key_heads
            key, value = (y.repeat_interleave(each, 1, output_size=sizes.heads) for y in (key, value))
            h = F.scaled_dot_product_attention(query, key, value, attn_mask=seen)
            x = x + linear(h.transpose(1, 2).reshape(rows, length, -1), f"{i}.out")
            h = normed(x, f"{i}.inner_norm")
            x = x + linear(F.silu(linear(h, f"{i}.gate")) * linear(h, f"{i}.up"), f"{i}.down")
        if cache is not None:
            cache.filled += length
        x = normed(x, "last_norm")
        logits = torch.bmm(x.reshape(self.copies, -1, sizes.width), w("embedding").transpose(1, 2))
        return logits.view(rows, length, -1)


def _safe(name: str) -> str:
    return name.replace(".", "_")  # ParameterDict's keys are attributes


def rotary(positions: torch.Tensor, head: int, theta: float, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and sines of the positions' angles, `[R, 1, T, head]` each."""
    frequencies = theta ** (-torch.arange(0, head, 2, device=positions.device, dtype=torch.float32) / head)
    angles = positions.unsqueeze(-1).float() * frequencies
    angles = torch.cat([angles, angles], -1).unsqueeze(1)
    return angles.cos().to(dtype), angles.sin().to(dtype)


def rotated(x: torch.Tensor, rotation: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """Rotary positions, Qwen3's way: the first half of a head's entries is paired with the second."""
    cos, sin = rotation
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat([-second, first], -1) * sin


def attended(valid: torch.Tensor) -> torch.Tensor:
    """`[R, T]` bool, what is no padding -> `[R, 1, T, T]` bool: each token attends to itself and to what is before it."""
    length = valid.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool, device=valid.device).tril()
    itself = torch.eye(length, dtype=torch.bool, device=valid.device)  # padding attends to itself, so that nothing is NaN
    return ((valid.unsqueeze(1) & causal) | itself).unsqueeze(1)


def positions_of(valid: torch.Tensor) -> torch.Tensor:
    """`[R, T]` positions that count from the first token that is no padding."""
    return (valid.long().cumsum(1) - 1).clamp(min=0)
