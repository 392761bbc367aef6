"""An estimate of the memory that training and rollouts take on a GPU, which they use in turns.

N parameters, T of them trained, of b bytes (`model_dtype`), or c bytes when gathered (`param_dtype`), spread over S GPUs; G of
them outside the layers (embeddings, head), Y in the largest layer; t tokens in a GPU's micro-batch, V vocabulary, L layers, h
hidden size; q, k and m the widths of queries, keys and MLP:

    state        b (N + T + 2T) / S              parameters, gradients, two moments; 0 with FSDP2's offload_policy
    gathered     c (2G + 3Y)                     weights and gradients of the root and of a layer, weights of the next layer
    activations  c t (L h + 4h + 3q + 4k + 3m)   a checkpoint of each layer, one layer recomputed; without gradient
                                                 checkpointing c t L (4h + 3q + 4k + 3m)
    logits       t V (c + 4)                     with an fp32 copy for loss or entropy; 0 with fused kernels
    vLLM         gpu_memory_utilization of it    0 in training, where free_cache_engine lets it sleep
    other        2 GiB                           CUDA contexts, NCCL, fragmentation

    training     state + gathered + activations + logits + vLLM unless it sleeps + other
    rollouts     vLLM + parameters b N / S and moments 2 b T / S, each unless offloaded + other

vLLM's part must also hold its bf16 weights, 2 N / tensor_model_parallel_size, and the KV cache of one longest sequence.
Activations and logits are the rough part, so only what is left without them can fail.
"""

from __future__ import annotations

from dataclasses import dataclass

from recipe.runs.preflight.cluster import gpu_memory
from recipe.runs.preflight.facts import Model, Run, SkipCheck
from recipe.runs.preflight.results import Result, failed, gib, passed, skipped, warned
from recipe.runs.preflight.sizes import compute_bytes, parameter_bytes, trained_parameters

_OTHER = 2 * 2**30
_TIGHT = 0.9


@dataclass(frozen=True)
class Estimate:
    """Bytes on one GPU, by the formula above; vLLM's share is left to the caller, who knows the GPU.

    parameters, gradients, moments: a GPU's shard. engine: what vLLM needs at least, weights and one sequence.
    """

    parameters: float
    gradients: float
    moments: float
    gathered: float
    activations: float
    logits: float
    engine: float

    @property
    def fixed(self) -> float:
        """Training without the rough part."""
        return self.parameters + self.gradients + self.moments + self.gathered + _OTHER

    @property
    def training(self) -> float:
        """Training, vLLM asleep."""
        return self.fixed + self.activations + self.logits


def estimate(run: Run) -> Estimate:
    """Estimate a run's memory from its config and the model's shapes."""
    actor, settings = run.config.actor_rollout_ref.actor, run.config.actor_rollout_ref.model
    if actor.strategy not in ("fsdp", "fsdp2"):
        raise SkipCheck(f"the estimate is for FSDP, not {actor.strategy}")
    model, each, gathered = run.model, parameter_bytes(run), compute_bytes(run)
    trained, tokens = trained_parameters(run), _tokens(run)
    offloaded = actor.strategy == "fsdp2" and actor.fsdp_config.offload_policy
    shard = 0 if offloaded else each / run.layout.shard
    layers, hidden = model.setting("num_hidden_layers"), model.setting("hidden_size")
    queries, keys = _widths(model)
    layer = 4 * hidden + 3 * queries + 4 * keys + 3 * _mlp_width(model)
    kept = layers * hidden + layer if settings.enable_gradient_checkpointing else layers * layer
    rollout = run.config.actor_rollout_ref.rollout
    longest = run.config.data.max_prompt_length + run.config.data.max_response_length
    split = rollout.tensor_model_parallel_size
    return Estimate(
        parameters=shard * model.parameters,
        gradients=shard * trained,
        moments=shard * 2 * trained,
        gathered=gathered * (2 * model.outside_layers + 3 * model.largest_layer),
        activations=gathered * tokens * kept,
        logits=0 if settings.use_fused_kernels else tokens * model.setting("vocab_size") * (gathered + 4),
        engine=2 * (model.parameters + longest * layers * 2 * keys) / split,
    )


def _tokens(run: Run) -> int:
    """Tokens of a micro-batch on one GPU."""
    config, actor = run.config, run.config.actor_rollout_ref.actor
    if actor.use_dynamic_bsz:
        return actor.ppo_max_token_len_per_gpu
    longest = config.data.max_prompt_length + config.data.max_response_length
    if actor.ppo_micro_batch_size_per_gpu is None:
        raise SkipCheck("actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu is not set")
    return actor.ppo_micro_batch_size_per_gpu * longest // run.layout.parallel


def _widths(model: Model) -> tuple[int, int]:
    """Of all queries, and of all keys."""
    heads, kv_heads = model.heads
    width = getattr(model.config, "head_dim", None) or model.setting("hidden_size") // heads
    return heads * width, kv_heads * width


def _mlp_width(model: Model) -> int:
    """Of what a token passes through: the chosen experts' in a mixture of experts."""
    chosen, expert = (getattr(model.config, name, None) for name in ("num_experts_per_tok", "moe_intermediate_size"))
    return chosen * expert if chosen and expert else model.setting("intermediate_size")


def check_memory(run: Run) -> Result:
    """Compare the estimate with the smallest GPU."""
    found, total, rollout = estimate(run), gpu_memory(run), run.config.actor_rollout_ref.rollout
    parts = (
        f"state {gib(found.parameters + found.gradients + found.moments)}, gathered {gib(found.gathered)}, activations "
        f"{gib(found.activations)}, logits {gib(found.logits)}"
    )
    if run.config.trainer.device == "cpu":
        return skipped(f"the platform cpu has no GPU memory; estimate without vLLM: {gib(found.training)} ({parts})")
    if total is None:
        return skipped(
            f"no machine could be asked for its GPUs' memory (+preflight.gpu_gib=80); estimate for training: "
            f"{gib(found.training)} ({parts})"
        )
    return _compare(run, found, total, rollout.gpu_memory_utilization * total, parts)


def _compare(run: Run, found: Estimate, total: int, share: float, parts: str) -> Result:
    config, engine = run.config.actor_rollout_ref, run.config.actor_rollout_ref.actor.fsdp_config
    shared = config.hybrid_engine or not run.config.trainer.v1.trainer_mode.endswith("separate_async")
    sleeps = config.rollout.free_cache_engine and config.rollout.get("enable_sleep_mode", True)
    awake = share if shared and not sleeps else 0
    resident = found.parameters * (not engine.param_offload) + found.moments * (not engine.optimizer_offload) + _OTHER
    rollouts = share + resident if shared else share
    finding = (
        f"estimate of a GPU's {gib(total)}: training {gib(found.training + awake)} ({parts}{', vLLM awake' if awake else ''}), "
        f"rollouts {gib(rollouts)} (vLLM {gib(share)})"
    )
    offload = "actor_rollout_ref.actor.fsdp_config.param_offload=True and .optimizer_offload=True"
    utilization = "actor_rollout_ref.rollout.gpu_memory_utilization"
    if found.engine > share:
        return failed(
            f"{finding}; vLLM needs {gib(found.engine)} for its weights and one longest sequence",
            f"raise {utilization} or actor_rollout_ref.rollout.tensor_model_parallel_size",
        )
    if rollouts > total:
        return failed(finding, f"{utilization}={max(total - resident, 0) / total:.2f}, or {offload}")
    if found.fixed + awake > total:
        sleep = "actor_rollout_ref.rollout.free_cache_engine=True, " if awake else ""
        return failed(finding, f"{sleep}more GPUs, or fsdp2 with actor_rollout_ref.actor.fsdp_config.offload_policy=True")
    if found.training + awake > _TIGHT * total:
        return warned(
            finding,
            "fewer tokens in a micro-batch (actor_rollout_ref.actor.ppo_max_token_len_per_gpu with "
            "ulysses_sequence_parallel_size), or actor_rollout_ref.model.use_fused_kernels=True",
        )
    if rollouts > _TIGHT * total:
        return warned(finding, f"{utilization}={max(_TIGHT * total - resident, 0) / total:.2f}, or {offload}")
    return passed(finding)
