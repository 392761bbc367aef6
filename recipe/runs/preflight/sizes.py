"""How many parameters are trained, and how many bytes each takes."""

from __future__ import annotations

from recipe.runs.preflight.facts import Run


def parameter_bytes(run: Run) -> int:
    """Bytes of a parameter, its gradient and each of its two moments: `fsdp_config.model_dtype`, verl's default fp32."""
    return _bytes_of(run.config.actor_rollout_ref.actor.fsdp_config.model_dtype or "fp32")


def compute_bytes(run: Run) -> int:
    """Bytes of a gathered weight and of an activation: mixed precision's `param_dtype`, verl's default bf16."""
    mixed = run.config.actor_rollout_ref.actor.fsdp_config.get("mixed_precision") or {}
    return _bytes_of(mixed.get("param_dtype", "bf16"))


def _bytes_of(precision: str) -> int:
    from verl.utils.torch_dtypes import PrecisionType

    return PrecisionType.to_dtype(precision).itemsize


def trained_parameters(run: Run) -> int:
    """Number of trained parameters: those of the adapters with LoRA, else all."""
    settings = run.config.actor_rollout_ref.model
    rank = settings.lora.get("rank", 0) or settings.lora_rank
    return run.model.lora_parameters(rank) if rank > 0 else run.model.parameters
