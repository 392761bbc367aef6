"""What an evaluation was made with, as it stands in settings.json."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from recipe.primitives.ranges import check_positive
from recipe.rlvr_math.evaluation.benchmarks import Benchmark
from recipe.rlvr_math.evaluation.model_folder import Model, fingerprint
from recipe.runs.misspelt import keys_of, refuse_misspelt
from recipe.runs.value_checks import verls_defaults

_SHIPPED = Path(__file__).parent / "config/evaluate.yaml"
_PACKAGES = ("verl", "vllm", "torch", "transformers", "ray", "math-verify")


def check_config(config: DictConfig) -> None:
    """Raise ValueError for a setting that is misspelt, missing or out of range."""
    refuse_misspelt(OmegaConf.to_container(config), (*verls_defaults("fsdp"), *keys_of(_SHIPPED)))
    for key in ("model", "out"):
        if config[key] is None:
            raise ValueError(f"{key} is not set; give it on the command line as {key}=...")
    for key in ("n", "max_prompt_tokens", "max_response_tokens"):
        if not isinstance(config[key], int) or config[key] < 1:
            raise ValueError(f"{key} is {config[key]!r}; it must be a positive integer")
    if not isinstance(config.seed, int):
        raise ValueError(f"seed is {config.seed!r}; it must be an integer")
    check_positive("top_p", config.top_p)
    longest, room = config.max_prompt_tokens + config.max_response_tokens, config.actor_rollout_ref.rollout.max_model_len
    if room is not None and room < longest:
        raise ValueError(
            f"actor_rollout_ref.rollout.max_model_len is {room}, less than the {longest} tokens of the longest prompt and "
            "response, which would be cut without a word; remove it, or lower max_response_tokens"
        )
    if config.top_p > 1:
        raise ValueError(f"top_p is {config.top_p}; it must be at most 1, which keeps all tokens")
    if config.temperature != 0:
        check_positive("temperature", config.temperature)
    elif config.n > 1:
        raise ValueError(f"temperature=0 gives the same response n={config.n} times; set n=1, or a temperature")


def describe(
    config: DictConfig, model: Model, benchmarks: list[Benchmark], chat_template: str, verifier: str, request_seeds: bool
) -> dict[str, Any]:
    """The content of settings.json, without `hardware`.

    chat_template: the tokenizer's; kept as a digest. request_seeds: whether each request has a seed of its own, derived from
    the base seed, the problem and the sample; otherwise the engine has one, derived from the base seed.
    """
    templates = {benchmark.template for benchmark in benchmarks}
    return {
        "format": 1,
        "model": model.source,
        "n": config.n,
        "benchmarks": {b.name: {"file": b.file, "sha256": b.sha256, "problems": len(b.problems)} for b in benchmarks},
        "sampling": {
            **{key: config[key] for key in ("temperature", "top_p", "top_k")},
            **{key: config[key] for key in ("max_prompt_tokens", "max_response_tokens", "seed")},
        },
        "template": templates.pop() if len(templates) == 1 else ", ".join(f"{b.name}: {b.template}" for b in benchmarks),
        "verifier": verifier,
        "versions": {name: version for name in _PACKAGES if (version := _version(name))},
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "model_files": fingerprint(model.folder),
        "dtype": config.actor_rollout_ref.rollout.dtype,
        "chat_template": {
            "sha256": hashlib.sha256(chat_template.encode()).hexdigest(),
            "arguments": OmegaConf.to_container(config.data.apply_chat_template_kwargs, resolve=True),
        },
        "request_seeds": request_seeds,
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def derived_seed(seed: int, *what: str | int) -> int:
    """A seed for `what`, below 2^31. Not seed + number: the streams of neighbouring base seeds would overlap."""
    text = "/".join(map(str, (seed, *what)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) >> 1
