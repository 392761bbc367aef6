"""What is handed over verl's heads: to the advantage estimator on the driver, and to the policy loss on the workers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from recipe.primitives.ragged import like
from recipe.token_level.method import Method


@dataclass
class EstimatorInputs:
    """What the trainer hands to a token-level advantage estimator beside verl's own arguments, and gets back from it.

    settings: the method's typed settings.
    keys: `[B]` verl's row keys `{prompt uid}_{session}_{output}`.
    is_padding: `[B]` bool, rows that verl added to make the batch divisible.
    entropy: nats, of the policy that verl takes for the old one; nested `[B, j]`, as many as a row's response has tokens, or
        padded `[B, T]` with 0. `padded_entropy` for an estimator that does not work on nested tensors.
    acc: `[B]` the verifier's verdict, NaN where the reward function gave none.
    filtered: `[B]` bool, rows of truncated responses that overlong filtering keeps from the loss; None: there are none.
    token_fields: filled by the estimator; tensors that travel with the batch to the policy loss, in the layout of `entropy` or
        padded `[B, T]`.
    statistics: filled by an estimator that measures the whole batch, for those who need the same afterwards.
    metrics: filled by the estimator; logged with the step.
    """

    settings: Any
    keys: list[str]
    is_padding: np.ndarray
    entropy: torch.Tensor
    acc: np.ndarray
    filtered: np.ndarray | None = None
    token_fields: dict[str, torch.Tensor] = field(default_factory=dict)
    statistics: Any = None
    metrics: dict[str, float] = field(default_factory=dict)

    def padded_entropy(self) -> torch.Tensor:
        """`[B, T]` nats, 0 beyond a response, T that of the longest."""
        return self.entropy.to_padded_tensor(0.0) if self.entropy.is_nested else self.entropy

    def trained(self, response_mask: torch.Tensor) -> torch.Tensor:
        """Bool, padded `[B, T]` or nested as given: the tokens that the loss will see. Entropy borders, statistics and metrics
        are over these.

        Only a baseline is over `response_mask`, which has the filtered rows, too. The trainer writes this mask in its place
        once the estimator is through.
        """
        mask = response_mask.bool()
        if self.filtered is None:
            return mask
        kept = ~torch.from_numpy(self.filtered)
        if not mask.is_nested:
            return mask & kept.unsqueeze(1)
        tokens = mask.values()
        return like(tokens & kept.repeat_interleave(mask.offsets().diff(), output_size=len(tokens)), mask)


@dataclass
class LossInputs:
    """What the loss wrapper hands to a registered policy loss, and gets back from it.

    settings: the method's typed settings, with the clip range of verl's actor.
    token_fields: padded `[B, T]` tensors of this micro-batch.
    entropy: `[B, T]` nats, of the policy being updated, detached; for a method that reads it, else None.
    means: filled by the loss; scalar tensors, metrics that are averaged over micro-batches and ranks.
    sums: filled by the loss; scalar tensors that add up over micro-batches and ranks, from which the trainer makes ratios.

    The loss leaves means and sums on the device; they become numbers after the update, so that it need not wait for them.
    """

    settings: Any
    token_fields: dict[str, torch.Tensor]
    entropy: torch.Tensor | None = None
    means: dict[str, torch.Tensor] = field(default_factory=dict)
    sums: dict[str, torch.Tensor] = field(default_factory=dict)


_estimator: ContextVar[EstimatorInputs | None] = ContextVar("estimator_inputs", default=None)
_loss: ContextVar[LossInputs | None] = ContextVar("loss_inputs", default=None)


@contextmanager
def _handing(variable: ContextVar, value) -> Iterator:
    token = variable.set(value)
    try:
        yield value
    finally:
        variable.reset(token)


def handing_estimator(inputs: EstimatorInputs):
    """Context manager: `estimator_inputs` returns `inputs` inside it."""
    return _handing(_estimator, inputs)


def handing_loss(inputs: LossInputs):
    """Context manager: `loss_inputs` returns `inputs` inside it."""
    return _handing(_loss, inputs)


def estimator_inputs(method: Method) -> EstimatorInputs:
    """What the trainer handed over. ValueError, naming the way to start, if the estimator runs under another trainer."""
    if (inputs := _estimator.get()) is None:
        raise ValueError(
            f"the advantage estimator {method.name!r} needs token entropies, which only the {method.name} trainers hand over: "
            f"start with `{method.command}`, not with verl's own entry point"
        )
    return inputs


def loss_inputs(method: Method) -> LossInputs:
    """What the loss wrapper handed over. ValueError if one of the method's token fields is missing."""
    inputs = _loss.get()
    missing = [name for name in method.token_fields if inputs is None or name not in inputs.token_fields]
    if missing:
        raise ValueError(
            f"the policy loss {method.name!r} was called without {', '.join(missing)}: it needs the {method.name} trainer and "
            f"algorithm.adv_estimator={method.name}; start with `{method.command}`"
        )
    return inputs
