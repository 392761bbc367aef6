"""Layer c: a decode step of vLLM with every request's temperature adapted, over one without; random weights."""

from __future__ import annotations

import json
import os
import statistics
import time
from pathlib import Path

from benchmarks.acceptance.part import run

SHAPE = {
    "architectures": ["Qwen3ForCausalLM"],
    "model_type": "qwen3",
    "hidden_size": 1024,
    "intermediate_size": 3072,
    "num_hidden_layers": 28,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 151936,
    "max_position_embeddings": 40960,
    "tie_word_embeddings": True,
    "hidden_act": "silu",
    "rms_norm_eps": 1e-6,
    "rope_theta": 1000000,
    "attention_bias": False,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "torch_dtype": "bfloat16",
}
SMALL = {"hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 2, "head_dim": 32, "vocab_size": 1024}
SMALL |= {"num_attention_heads": 4, "num_key_value_heads": 2}
SHORT, TURNS = 16, 5


def make_engine(folder: Path, cuda: bool, batch: int):
    """vLLM with the processor, and random weights in the shape of Qwen3-0.6B; on a CPU a small one."""
    from vllm import LLM

    from recipe.adaptive_temperature.rollout_config import PROCESSOR

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(SHAPE if cuda else SHAPE | SMALL))
    sizes = {"gpu_memory_utilization": 0.5} if cuda else {"kv_cache_memory_bytes": 1 << 26}
    return LLM(
        str(folder),
        load_format="dummy",
        skip_tokenizer_init=True,
        logits_processors=[PROCESSOR],
        logprobs_mode="processed_logprobs",
        dtype="bfloat16" if cuda else "float32",
        enforce_eager=not cuda,
        max_num_seqs=batch,
        max_model_len=512,
        enable_prefix_caching=False,
        disable_log_stats=True,
        **sizes,
    )


def measure(options: dict, put) -> None:
    """All of the part."""
    cuda = options["device"] == "cuda"
    os.environ["VLLM_NO_USAGE_STATS"] = os.environ["HF_HUB_OFFLINE"] = "1"
    if not cuda:
        os.environ |= {"TORCH_COMPILE_DISABLE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}
    from vllm import SamplingParams

    from recipe.adaptive_temperature.temperature import REQUEST_KEY, request_parameters
    from recipe.primitives.entropy_score import EntropyStatistics

    batch, tokens = (128, 96) if cuda else (4, 16)
    engine = make_engine(Path(options["folder"]) / "decoding", cuda, batch)
    statistics_ = EntropyStatistics(center=2.0, std=1.0, max=3.0, min=-3.0)
    prompts = [{"prompt_token_ids": [(7 * i + j) % 1000 + 5 for j in range(16)]} for i in range(batch)]

    def seconds(adapted: bool, count: int) -> float:
        extra = {REQUEST_KEY: request_parameters(statistics_, 0.05)} if adapted else None
        params = SamplingParams(
            temperature=1.0, max_tokens=count, ignore_eos=True, logprobs=0, detokenize=False, extra_args=extra
        )
        start = time.perf_counter()
        engine.generate(prompts, params, use_tqdm=False)
        return time.perf_counter() - start

    steps = {True: [], False: []}
    for turn in range(TURNS + 1):
        for adapted in steps:
            # The difference of a long and a short answer has no prefill and no start in it.
            short, long = seconds(adapted, SHORT), seconds(adapted, SHORT + tokens)
            if turn:
                steps[adapted].append((long - short) / tokens)
    medians = {adapted: statistics.median(found) for adapted, found in steps.items()}
    print(f"batch {batch}: {medians[False] * 1e3:.2f} ms a step, {medians[True] * 1e3:.2f} ms with adapted temperatures")
    put({"c/decode": medians[True] / medians[False]})


if __name__ == "__main__":
    run(measure)
