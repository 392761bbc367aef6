"""What the end-to-end tests of adaptive temperatures load into a run: a record of the requests, and repeatable sampling."""

import json
import os
import zlib
from pathlib import Path

import torch
from vllm.v1.sample.logits_processor import LogitsProcessor
from vllm.v1.sample.logits_processor.builtin import process_dict_updates

from recipe.adaptive_temperature.rollout import AdaptiveTemperatureManager, AdaptiveTemperatureWorker
from recipe.adaptive_temperature.temperature import REQUEST_KEY

SEED = "test_seed"


class SeedingWorker(AdaptiveTemperatureWorker):
    """Gives each request a seed made of step, prompt and session (vLLM's own `seed` fails on CPU)."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)

    async def run_session(self, sampling_params, trajectory, **prompt):
        name = f"{trajectory['step']} {prompt['raw_prompt']} {prompt['session_id']}"
        sampling_params = sampling_params | {"extra_args": {SEED: zlib.crc32(name.encode())}}
        return await super().run_session(sampling_params, trajectory, **prompt)


class SeedingManager(AdaptiveTemperatureManager):
    worker_class = SeedingWorker


class RequestRecorder(LogitsProcessor):
    """Writes down, inside vLLM's engine, what each request that reaches a slot carries.

    A seeded request's token is drawn here, by the Gumbel-max trick with noise of its seed and position, so that two runs can
    be compared token by token. For that this processor must come after the adaptive temperature.
    """

    def __init__(self, vllm_config, device, is_pin_memory):
        self.path = Path(os.environ["HTPO_TEST_RECORDS"]) / "requests.jsonl"
        self.seeded = {}

    def is_argmax_invariant(self):
        return True

    def update_state(self, batch_update):
        with self.path.open("a") as file:
            for _, params, _, _ in batch_update.added if batch_update else ():
                carried = (params.extra_args or {}).get(REQUEST_KEY)
                file.write(json.dumps({"temperature": params.temperature, "carried": carried}) + "\n")
        process_dict_updates(self.seeded, batch_update, self.new_state)

    @staticmethod
    def new_state(params, _, output):
        seed = (params.extra_args or {}).get(SEED)
        return None if seed is None else (seed, output)

    def apply(self, logits):
        for row, (seed, output) in self.seeded.items():
            generator = torch.Generator().manual_seed(seed + len(output))
            noise = torch.rand(logits.shape[1], generator=generator).log().neg_().log_().neg_()
            token = (logits[row] + noise).argmax()
            logits[row] = torch.full_like(logits[row], -torch.inf).index_fill_(0, token, 0.0)
        return logits


def read_requests(folder):
    """Records in the order of arrival."""
    return [json.loads(line) for line in (folder / "requests.jsonl").read_text().splitlines()]
