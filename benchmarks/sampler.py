"""`python -m benchmarks.sampler`: a decode step's cost of HAPO's adaptive temperature over vLLM's own sampler, on the CPU.

Both work on the same float32 logits, as verl's rollouts ask for: plain sampling at T = 1, with the sampled token's log-prob.
vLLM's sampler runs as it comes, compiled where vLLM compiles; TORCH_COMPILE_DISABLE=1 would make it, and the processor, eager.
"""

from __future__ import annotations

import os
from functools import partial
from types import SimpleNamespace

import torch
import vllm
from vllm import SamplingParams
from vllm.v1.sample.logits_processor import BatchUpdate, LogitsProcessors
from vllm.v1.sample.metadata import SamplingMetadata
from vllm.v1.sample.sampler import Sampler

from benchmarks.rows import measured
from benchmarks.timing import interleaved, peak_bytes
from recipe.adaptive_temperature.logits_processor import AdaptiveTemperature
from recipe.adaptive_temperature.temperature import REQUEST_KEY, request_parameters
from recipe.primitives.entropy_score import EntropyStatistics

THREADS = 2
VOCABULARY = 151_936  # Qwen2.5
BATCHES = (128, 256)
GOALS = {"compiled": 0.12, "eager": 0.5}
# Slopes of 0 make every factor 1, so dividing in place does not drift and no call needs fresh logits; no branch depends on
# it, and vLLM divides in place by T = 1 likewise.
PLAIN = SamplingParams(temperature=1.0)
REQUEST = SamplingParams(temperature=1.0, extra_args={REQUEST_KEY: request_parameters(EntropyStatistics(), 0.1)})


def plain_sampling(batch: int) -> SamplingMetadata:
    """T = 1, all random, no top-k, top-p or penalties, log-prob of the sampled token."""
    unused = torch.zeros(batch)
    return SamplingMetadata(
        temperature=torch.ones(batch),
        all_greedy=False,
        all_random=True,
        top_p=None,
        top_k=None,
        generators={},
        max_num_logprobs=0,
        no_penalties=True,
        prompt_token_ids=None,
        frequency_penalties=unused,
        presence_penalties=unused,
        repetition_penalties=unused,
        output_token_ids=[[] for _ in range(batch)],
        allowed_token_ids_mask=None,
        bad_words_token_ids={},
        logitsprocs=LogitsProcessors(),
    )


def make_processor(eager: bool) -> AdaptiveTemperature:
    """The processor as vLLM would build it."""
    scheduler, model = SimpleNamespace(max_num_seqs=max(BATCHES)), SimpleNamespace(enforce_eager=eager)
    config = SimpleNamespace(scheduler_config=scheduler, model_config=model)
    return AdaptiveTemperature(config, torch.device("cpu"), False)


def all_slots(batch: int, every: int = 1) -> BatchUpdate:
    """Every slot gets a new request, one in `every` with an adaptive temperature."""
    added = [(slot, PLAIN if slot % every else REQUEST, None, []) for slot in range(batch)]
    return BatchUpdate(batch, removed=[], added=added, moved=[])


def decode_steps() -> None:
    """Print times, ratios and temporaries for each batch."""
    sampler = Sampler(logprobs_mode="processed_logprobs")
    how = "all eager" if os.environ.get("TORCH_COMPILE_DISABLE") == "1" else "compiled where vLLM compiles"
    print(f"\nvLLM {vllm.__version__}'s sampler, {how}")
    print(f"torch {torch.__version__}, {THREADS} CPU threads, float32, medians of 15")
    processors = {"eager": make_processor(True), "compiled": make_processor(False)}
    for batch in BATCHES:
        logits = 3 * torch.randn(batch, VOCABULARY, generator=torch.Generator().manual_seed(0))
        functions = {"vLLM's sampler": partial(sampler.forward, logits, plain_sampling(batch))}
        for name, processor in processors.items():
            processor.update_state(all_slots(batch))
            functions[f"adaptive temperature, {name}"] = partial(processor.apply, logits)
        update = partial(processors["compiled"].update_state, all_slots(batch))

        seconds = interleaved(functions)
        base = seconds["vLLM's sampler"]
        print(f"\nbatch {batch}, vocabulary {VOCABULARY:,}: logits of {logits.nbytes / 2**20:.0f} MiB")
        print(f"vLLM's sampler: {base * 1e3:.1f} ms")
        for name, goal in GOALS.items():
            function = f"adaptive temperature, {name}"
            size = peak_bytes(functions[function]) / logits.nbytes
            measured(f"{function}, over vLLM's sampler, batch {batch}", seconds[function] / base, "x", goal)
            measured(f"{function}, temporaries over the logits, batch {batch}", size, "x")
        compiled = processors["compiled"]
        few = {"vLLM's sampler": functions["vLLM's sampler"], "few": partial(compiled.apply, logits)}
        for share in (4, 16):
            compiled.update_state(all_slots(batch, every=share))
            seconds = interleaved(few)
            name = f"adaptive temperature, compiled, for 1 request in {share}, over vLLM's sampler, batch {batch}"
            measured(name, seconds["few"] / seconds["vLLM's sampler"], "x", GOALS["compiled"] / share)
        changed = interleaved({"update": update})["update"]
        measured(f"adaptive temperature, all requests change, over vLLM's sampler, batch {batch}", changed / base, "x")


if __name__ == "__main__":
    torch.set_num_threads(THREADS)
    decode_steps()
