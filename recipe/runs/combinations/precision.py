"""Combinations in which log-probs or entropies are rounded more than need be."""

from __future__ import annotations

from recipe.runs.combinations.rule import ACTOR, FSDP, MODEL, ROLLOUT, WARNED, Rule, computes_in_fp32, get


def _in_bf16(config):
    return config.actor_rollout_ref.actor.strategy in FSDP and not computes_in_fp32(config)


def _dtype(config):
    return get(config, f"{ACTOR}.fsdp_config.mixed_precision.param_dtype", "bf16")


def _rough_entropies(config):
    model, actor = config.actor_rollout_ref.model, config.actor_rollout_ref.actor
    if _in_bf16(config) and not (model.use_remove_padding and actor.entropy_from_logits_with_chunking):
        return (
            f"token entropies are computed in {_dtype(config)}, where many small ones come out as 0; keep "
            f"use_remove_padding=True of {MODEL} and entropy_from_logits_with_chunking=True of {ACTOR}"
        )


def _fused_entropies(config):
    backend = get(config, f"{MODEL}.fused_kernel_options.impl_backend", "torch")
    if _in_bf16(config) and get(config, f"{MODEL}.use_fused_kernels", False) and backend != "triton":
        return (
            f"{MODEL}.use_fused_kernels=True with the backend {backend} gives token entropies in {_dtype(config)}, three "
            "significant digits, by which tokens are told apart; set it to False"
        )


def _rounded_by_temperature(config):
    temperature = config.actor_rollout_ref.rollout.temperature
    megatron = config.actor_rollout_ref.actor.strategy == "megatron"
    if temperature != 1 and (megatron or _in_bf16(config)):
        return (
            f"{ROLLOUT}.temperature is {temperature}: verl divides the actor's logits by it in bf16, which rounds them a "
            "second time, and vLLM in float32, so that log-probs and entropies differ from those sampled with; 1.0 does not "
            "round, docs/combinations.md has the size and what float32 costs"
        )


RULES = (
    Rule(
        combination="FSDP in bf16 with `use_remove_padding=False` or `entropy_from_logits_with_chunking=False`",
        stock="Entropies are computed in bf16, and many small ones come out as 0.",
        ours=WARNED,
        example=("actor_rollout_ref.actor.entropy_from_logits_with_chunking=False",),
        find=_rough_entropies,
        verl="<=0.9.1",
        seen=(("workers/engine/fsdp/transformer_impl.py", "self.engine_config.entropy_from_logits_with_chunking"),),
    ),
    Rule(
        combination="FSDP in bf16 with `use_fused_kernels=True`, backend other than `triton`",
        stock="Entropies are returned in bf16, so that neighbours are equal and a quantile of them is rough.",
        ours=WARNED,
        example=("actor_rollout_ref.model.use_fused_kernels=True",),
        find=_fused_entropies,
        verl="<=0.9.1",
        seen=(("utils/experimental/torch_functional.py", "return token_log_probs, entropy.to(orig_dtype)"),),
    ),
    Rule(
        combination="A model in bf16 with `rollout.temperature` other than 1",
        stock="bf16 logits are divided by the temperature in bf16, a second rounding that the rollouts do not have.",
        ours=WARNED,
        example=("actor_rollout_ref.rollout.temperature=0.6",),
        find=_rounded_by_temperature,
        verl="<=0.9.1",
        seen=(
            ("workers/engine/fsdp/transformer_impl.py", "return logits / temperature.clamp(min=1e-8).to(logits.dtype)"),
            ("workers/engine/megatron/transformer_impl.py", "logits.div_(temperature.unsqueeze(dim=-1).to(logits.dtype))"),
        ),
        reports=("radixark/miles#1554",),
    ),
)
