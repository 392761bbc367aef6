"""Sampling from a policy, and what it thinks of given responses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch

from recipe.adaptive_temperature.temperature import adapt_temperature
from recipe.lab.policy import PAD, Cache, Policy, attended, positions_of

END = 1


class Characters:
    """Token ids of a task's characters, after PAD and END."""

    def __init__(self, characters: str):
        self.characters = characters
        self.ids = {c: i for i, c in enumerate(characters, start=END + 1)}
        self.size = len(characters) + END + 1

    def encode(self, text: str) -> list[int]:
        return [self.ids[c] for c in text]

    def decode(self, ids: Sequence[int]) -> str:
        """Up to the end token; a padding token that was sampled is shown as `_`."""
        ids = list(ids)
        ids = ids[: ids.index(END)] if END in ids else ids
        return "".join(self.characters[i - END - 1] if i > END else "_" for i in ids)

    def left_padded(self, texts: Sequence[str], width: int, device: torch.device | str = "cpu") -> torch.Tensor:
        """`[R, width]` token ids."""
        rows = [[PAD] * (width - len(text)) + self.encode(text) for text in texts]
        return torch.tensor(rows, dtype=torch.long, device=device)


@dataclass
class Rollouts:
    """R responses with their prompts.

    tokens: `[R, P + T]`, prompts padded on the left. valid: `[R, P + T]` bool, what is no padding; a response ends with its
    end token. response_mask: `[R, T]` bool. log_prob: `[R, T]` as sampled.
    """

    tokens: torch.Tensor
    valid: torch.Tensor
    response_mask: torch.Tensor
    log_prob: torch.Tensor

    @property
    def width(self) -> int:
        """T."""
        return self.response_mask.shape[1]

    @property
    def responses(self) -> torch.Tensor:
        return self.tokens[:, -self.width :]

    def rows(self, index: torch.Tensor) -> Rollouts:
        return Rollouts(**{f.name: getattr(self, f.name)[index] for f in fields(self)})


@torch.no_grad()
def sample(
    policy: Policy,
    prompts: torch.Tensor,
    noise: torch.Tensor,
    temperature: float = 1.0,
    adaptive: torch.Tensor | None = None,
) -> Rollouts:
    """One response to each prompt.

    Args:
        prompts: `[R, P]`, padded with PAD on the left.
        noise: `[R, T]` uniform in [0, 1), one for each token, so that a row's response depends on its own noise alone.
        temperature: 0 takes the most likely token.
        adaptive: `[4, R]`, the rows' parameters of `adapt_temperature`; None: none.
    """
    rows, start = prompts.shape
    width = noise.shape[1]
    tokens = torch.cat([prompts, prompts.new_full((rows, width), PAD)], 1)
    valid = tokens != PAD
    log_prob = torch.zeros(rows, width, device=prompts.device)
    running = torch.ones(rows, dtype=torch.bool, device=prompts.device)
    cache = Cache(policy.sizes, rows, start + width, policy.weights["embedding"])
    position = positions_of(valid[:, :start])
    logits = policy(prompts, position, attended(valid[:, :start]), cache)[:, -1]
    position = position[:, -1:]
    for t in range(width):
        scaled = logits.float() / (temperature or 1.0)
        if adaptive is not None:
            scaled = adapt_temperature(scaled, adaptive)
        log_probs = scaled.log_softmax(-1)
        if temperature:
            mass = log_probs.exp().cumsum(-1)
            chosen = (mass < noise[:, t, None] * mass[:, -1:]).sum(-1).clamp_(max=scaled.shape[1] - 1)
        else:
            chosen = scaled.argmax(-1)
        log_prob[:, t] = torch.where(running, log_probs.gather(1, chosen[:, None])[:, 0], 0)
        tokens[:, start + t] = torch.where(running, chosen, PAD)
        valid[:, start + t] = running
        running = running & (chosen != END)
        if t == width - 1 or not running.any():
            break
        position = position + 1
        seen = valid[:, None, None, : start + t + 1]
        logits = policy(tokens[:, start + t, None], position, seen, cache)[:, -1]
    end = start + t + 1
    return Rollouts(tokens[:, :end], valid[:, :end], valid[:, start:end].clone(), log_prob[:, : t + 1])


def log_probs_and_entropy(policy: Policy, rollouts: Rollouts, temperature: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Of the response tokens, by the policy at that temperature, in nats; `[R, T]` each, with a gradient for the first.

    Entries outside the response mask have no meaning.
    """
    logits = policy(rollouts.tokens, positions_of(rollouts.valid), attended(rollouts.valid))
    logits = logits[:, -rollouts.width - 1 : -1] / temperature
    logits = logits if logits.dtype == torch.float64 else logits.float()
    every = logits.log_softmax(-1)
    with torch.no_grad():
        entropy = -(every.exp() * every).sum(-1)
    return every.gather(-1, rollouts.responses.unsqueeze(-1)).squeeze(-1), entropy
