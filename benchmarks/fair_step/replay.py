"""Loaded into a run's agent-loop workers: responses that depend on nothing but step, prompt and session.

Two runs of two methods then train on the same rollouts, whatever they have learnt, and vLLM has nothing to do.
"""

from __future__ import annotations

import os
import random
import zlib

from verl.workers.rollout.replica import TokenOutput

from recipe.adaptive_temperature.rollout import AdaptiveTemperatureManager, AdaptiveTemperatureWorker

LENGTHS = "REPLAYED_LENGTHS"  # "least,most" tokens
_SEED, _WEIGHTS = "replayed", "replayed_weights"


class ReplayWorker(AdaptiveTemperatureWorker):
    """verl's worker, with a stand-in for its client of vLLM."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.llm_client.generate = self._replay
        self.least, self.most = map(int, os.environ[LENGTHS].split(","))

    async def run_session(self, sampling_params, trajectory, **prompt):
        name = f"{trajectory['step']} {prompt['raw_prompt']} {prompt['session_id']}"
        drawn = {_SEED: zlib.crc32(name.encode()), _WEIGHTS: trajectory["step"] - 1}
        extra_args = (sampling_params.get("extra_args") or {}) | drawn
        return await super().run_session(sampling_params | {"extra_args": extra_args}, trajectory, **prompt)

    async def _replay(self, *, sampling_params, **_):
        draw = random.Random(sampling_params["extra_args"][_SEED])
        ids = draw.choices(range(10), k=draw.randint(self.least, self.most))  # the demo tokenizer's digits
        # Said by verl's client: the versions of the weights that the response was made with.
        keys = ("global_steps", "min_global_steps", "max_global_steps")
        version = dict.fromkeys(keys, sampling_params["extra_args"][_WEIGHTS])
        return TokenOutput(token_ids=ids, log_probs=[-1.0] * len(ids), stop_reason="completed", extra_fields=version)


class ReplayManager(AdaptiveTemperatureManager):
    """Its manager."""

    worker_class = ReplayWorker
