"""Adaptive Temperature Sampling inside vLLM, as a custom logits processor: no file of vLLM is touched.

vLLM's v1 sampler calls argmax-invariant processors after penalties and after the division by T, before top-k and top-p and
before it takes `processed_logprobs`. So dividing a row by 1 + tau * h is sampling at T * (1 + tau * h), the entropy is that
of the distribution the actor measures, and the log-probs that come back are the behaviour policy's. Rows that are decoded
greedily, and requests without the parameter, are left bit-identical.

Loaded by the engine argument `logits_processors`, never as an entry point, which would change every engine of a machine.
"""

from __future__ import annotations

import torch
from vllm import SamplingParams
from vllm.v1.sample.logits_processor import BatchUpdate, LogitsProcessor

from recipe.adaptive_temperature.temperature import REQUEST_KEY, RowParameters, adapt_temperature
from verl_patches.contract import check

_OFF = RowParameters()
_GREEDY_BELOW = 1e-5  # vLLM takes lower temperatures for 0


def _row(params: SamplingParams) -> RowParameters:
    row = RowParameters.of_request((params.extra_args or {}).get(REQUEST_KEY))
    return _OFF if params.temperature < _GREEDY_BELOW else row


class AdaptiveTemperature(LogitsProcessor):
    """Keeps the parameters of each slot of vLLM's persistent batch.

    Compiled unless the engine runs eagerly (`actor_rollout_ref.rollout.enforce_eager`); eager needs two temporaries of the
    size of the logits. Where fewer than half of the rows ask for it, only these are looked at, in a copy.
    """

    @classmethod
    def validate_params(cls, sampling_params: SamplingParams) -> None:
        _row(sampling_params)

    def __init__(self, vllm_config, device: torch.device, is_pin_memory: bool) -> None:
        check("vLLM worker")
        self._rows = [_OFF] * vllm_config.scheduler_config.max_num_seqs
        self._device, self._pin = device, is_pin_memory
        self._parameters: torch.Tensor | None = None  # [4, B], or [4, n] of the n rows in _few; None: nothing to do
        self._few: torch.Tensor | None = None  # [n] on the device; None: all rows
        # Batch size and vocabulary stay symbolic: they differ between steps and between models.
        eager = vllm_config.model_config.enforce_eager
        self._adapt = adapt_temperature if eager else torch.compile(adapt_temperature, dynamic=True)

    def is_argmax_invariant(self) -> bool:
        return True

    def update_state(self, batch_update: BatchUpdate | None) -> None:
        if not batch_update:
            return
        # vLLM asks for this order: added, moved. A slot that a request has left is filled, or lies beyond the batch: what it
        # holds is never looked at, so nothing is to be done for the removed, and a move in one direction may be a swap.
        rows = self._rows
        for slot, params, _, _ in batch_update.added:
            rows[slot] = _row(params)
        for a, b, _ in batch_update.moved:
            rows[a], rows[b] = rows[b], rows[a]
        used = rows[: batch_update.batch_size]
        asking = [slot for slot, row in enumerate(used) if row.tau > 0]
        self._parameters = self._few = None
        if 0 < 2 * len(asking) < len(used):
            self._few = self._sent(asking)
            used = [used[slot] for slot in asking]
        if asking:
            self._parameters = self._sent(used).T

    def _sent(self, values: list) -> torch.Tensor:
        # A new tensor each time: the device may still be reading the last one.
        return torch.tensor(values, pin_memory=self._pin).to(self._device, non_blocking=True)

    def apply(self, logits: torch.Tensor) -> torch.Tensor:
        if self._parameters is None:
            return logits
        if self._few is None:
            return self._adapt(logits, self._parameters)
        return logits.index_copy_(0, self._few, self._adapt(logits.index_select(0, self._few), self._parameters))
