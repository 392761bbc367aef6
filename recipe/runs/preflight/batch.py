"""Batch arithmetic: what verl asserts only after the models are loaded and the first batch is generated."""

from __future__ import annotations

import math

from omegaconf import OmegaConf

from recipe.runs.combinations.requests import count_requests
from recipe.runs.combinations.rule import mode_of
from recipe.runs.preflight.facts import Run, read_layout
from recipe.runs.preflight.results import Result, failed, many, passed, skipped, warned


def check_parallelism(run: Run) -> Result:
    """The GPUs are divided evenly into data-parallel ranks, sequence-parallel groups and FSDP shards."""
    config, layout = run.config, read_layout(run.config)
    megatron = config.actor_rollout_ref.actor.strategy == "megatron"
    what = "tensor x pipeline x context parallel size" if megatron else "ulysses_sequence_parallel_size"
    if layout.gpus % layout.parallel:
        return failed(
            f"{what} is {layout.parallel}, which does not divide {layout.gpus} GPUs",
            f"set it to a divisor of trainer.nnodes x trainer.n_gpus_per_node = {layout.gpus}",
        )
    if megatron:
        return passed(f"{many(layout.gpus, 'GPU')}: {many(layout.ranks, 'data-parallel rank')}, {what} {layout.parallel}")
    if layout.gpus % layout.shard:
        return failed(
            f"actor_rollout_ref.actor.fsdp_config.fsdp_size is {layout.shard}, which does not divide {layout.gpus} GPUs",
            "set it to a divisor, or to -1 (shard over all GPUs)",
        )
    if layout.parallel > 1 and not config.actor_rollout_ref.model.use_remove_padding:
        return failed(
            f"sequence parallelism ({layout.parallel}) needs packed sequences",
            "actor_rollout_ref.model.use_remove_padding=True",
        )
    return passed(
        f"{many(layout.gpus, 'GPU')}: {many(layout.ranks, 'data-parallel rank')}, sequence parallel {layout.parallel}, "
        f"parameters sharded over {many(layout.shard, 'GPU')}"
    )


def check_batch(run: Run) -> Result:
    """A step's responses divide into mini-batches, and these over the data-parallel ranks."""
    config, ranks = run.config, run.layout.ranks
    n, mini = config.actor_rollout_ref.rollout.n, config.actor_rollout_ref.actor.ppo_mini_batch_size
    separate = config.trainer.v1.trainer_mode.endswith("separate_async")
    prompts = config.data.train_batch_size // (config.trainer.v1.separate_async.parameter_sync_step if separate else 1)
    if mini * n % ranks:
        even = ranks // math.gcd(n, ranks)
        return failed(
            f"a mini-batch of {mini} prompts x {n} responses does not divide over {ranks} data-parallel ranks",
            f"make actor_rollout_ref.actor.ppo_mini_batch_size a multiple of {even}",
        )
    rows = prompts * n
    if padding := -rows % (mini * n):
        return warned(
            f"{prompts} prompts x {n} = {rows:,} responses are no multiple of a mini-batch of {mini} x {n}: verl adds "
            f"{many(padding, 'empty row')} to each batch",
            f"make data.train_batch_size a multiple of {mini}",
        )
    return passed(
        f"{prompts} prompts x {n} = {rows:,} responses a step, {rows // ranks:,} on each of {many(ranks, 'rank')}, in "
        f"{many(prompts // mini, 'update')} of {mini * n:,}"
    )


def check_token_budget(run: Run) -> Result:
    """A dynamic micro-batch can hold the longest sequence, in the update and in both log-prob passes."""
    from verl.trainer.ppo.utils import need_reference_policy

    config, parallel, longest = run.config, run.layout.parallel, _longest(run)
    parts = config.actor_rollout_ref
    if not parts.actor.use_dynamic_bsz:
        return skipped("micro-batches have a fixed number of responses (use_dynamic_bsz=False)")
    keys = [("actor", "ppo_max_token_len_per_gpu"), ("rollout", "log_prob_max_token_len_per_gpu")]
    keys += [("ref", "log_prob_max_token_len_per_gpu")] if need_reference_policy(config) else []
    if small := [(part, key) for part, key in keys if parts[part][key] * parallel < longest]:
        found = ", ".join(f"actor_rollout_ref.{part}.{key} is {parts[part][key]:,}" for part, key in small)
        group = f" x {parallel} sequence-parallel GPUs" if parallel > 1 else ""
        own = [(part, key) for part, key in small if not OmegaConf.is_interpolation(parts[part], key)]  # others follow these
        larger = " ".join(f"actor_rollout_ref.{part}.{key}={math.ceil(longest / parallel)}" for part, key in own)
        return failed(
            f"{found}{group}, less than the {longest:,} tokens of the longest prompt and response",
            f"{larger}, more sequence parallelism, or a shorter data.max_response_length",
        )
    smallest = min(parts[part][key] for part, key in keys) * parallel
    return passed(f"micro-batches of at least {smallest:,} tokens hold the longest sequence, {longest:,}")


def _longest(run: Run) -> int:
    return run.config.data.max_prompt_length + run.config.data.max_response_length


def check_heads(run: Run) -> Result:
    """Sequence parallelism and vLLM's tensor parallelism divide the attention heads (key and value heads may be repeated)."""
    heads, kv_heads = run.model.heads
    actor, rollout = run.config.actor_rollout_ref.actor, run.config.actor_rollout_ref.rollout
    sizes = {"actor_rollout_ref.rollout.tensor_model_parallel_size": rollout.tensor_model_parallel_size}
    if actor.strategy == "megatron":
        sizes["actor_rollout_ref.actor.megatron.tensor_model_parallel_size"] = actor.megatron.tensor_model_parallel_size
    else:
        sizes["actor_rollout_ref.actor.ulysses_sequence_parallel_size"] = run.layout.parallel
    for key, size in sizes.items():
        if heads % size or (kv_heads % size and size % kv_heads):
            fitting = [i for i in range(1, heads + 1) if not (heads % i or (kv_heads % i and i % kv_heads))]
            return failed(
                f"{key} is {size}, which does not fit {heads} attention and {kv_heads} key-value heads",
                f"set it to one of {', '.join(map(str, fitting))}",
            )
    shown = ", ".join(f"{key.removeprefix('actor_rollout_ref.')} {size}" for key, size in sizes.items())
    return passed(f"{heads} attention and {kv_heads} key-value heads fit {shown}")


def check_rollout(run: Run) -> Result:
    """The engine's replicas fill the GPUs and do not straddle nodes."""
    config, rollout = run.config, run.config.actor_rollout_ref.rollout
    size = rollout.tensor_model_parallel_size * rollout.data_parallel_size * rollout.pipeline_model_parallel_size
    key = "actor_rollout_ref.rollout.tensor_model_parallel_size x data_parallel_size x pipeline_model_parallel_size"
    places = {"trainer": (config.trainer.nnodes, config.trainer.n_gpus_per_node)}
    if config.trainer.v1.trainer_mode.endswith("separate_async"):
        places["rollout"] = (rollout.nnodes, rollout.n_gpus_per_node)
    for place, (nodes, per_node) in places.items():
        if nodes * per_node % size:
            return failed(
                f"{key} is {size}, which does not divide the {nodes * per_node} GPUs of the {place}",
                f"set tensor_model_parallel_size to a divisor of {nodes * per_node}",
            )
        if size % min(size, per_node) or per_node % min(size, per_node):
            return failed(
                f"{key} is {size}, so that replicas straddle nodes of {per_node} GPUs unevenly",
                f"set tensor_model_parallel_size to a divisor of {per_node}",
            )
    replicas = sum(nodes * per_node for nodes, per_node in places.values()) // size
    finding = f"{many(replicas, rollout.name + ' replica')} of {many(size, 'GPU')}"
    if size > min(per_node for _, per_node in places.values()):
        return warned(
            f"{finding}, each on several nodes",
            "a tensor_model_parallel_size of at most a node's GPUs keeps its traffic within the node",
        )
    return passed(finding)


def check_requests(run: Run) -> Result:
    """The calls that control a rollout server find a place beside the requests that wait there."""
    config, found = run.config, count_requests(run.config)
    finding = (
        f"up to {found.each:,} requests at a time on each of {many(found.replicas, 'replica')}, whose actor takes "
        f"{found.taken:,} calls"
    )
    raised = f"actor_rollout_ref.rollout.max_num_seqs={found.each}"
    if found.fit:
        return passed(finding)
    if mode_of(config) == "sync":
        return warned(f"{finding}: a request to stop waits until the others have had their turn", f"{raised}, or more replicas")
    return failed(
        f"{finding}: the calls of a weight sync find no place and the run may stand still",
        f"{raised}, fewer prompts, or more replicas",
    )


def check_context_length(run: Run) -> Result:
    """vLLM's context holds the longest sequence, and the model was made for vLLM's context."""
    given, prompt = run.config.actor_rollout_ref.rollout.max_model_len, run.config.data.max_prompt_length
    positions, longest = run.model.setting("max_position_embeddings"), _longest(run)
    if given is not None and given > positions:
        return failed(
            f"actor_rollout_ref.rollout.max_model_len is {given:,}, more than the model's {positions:,} positions",
            f"actor_rollout_ref.rollout.max_model_len={longest}",
        )
    context = positions if given is None else given
    if context < longest:
        shorter = f"data.max_response_length={positions - prompt}" if positions > prompt else "shorter prompts"
        mend = (
            f"actor_rollout_ref.rollout.max_model_len={longest}"
            if longest <= positions
            else f"{shorter}, another model, or, if its RoPE was extended, "
            f"+actor_rollout_ref.model.override_config.max_position_embeddings={longest}"
        )
        return failed(f"vLLM's context of {context:,} tokens cuts prompts and responses of up to {longest:,}", mend)
    return passed(f"vLLM's context of {context:,} tokens holds prompt and response, {longest:,}")
