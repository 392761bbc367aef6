"""Combinations in which the training engine updates the weights wrongly, or nobody gets them."""

from __future__ import annotations

from recipe.runs.combinations.rule import (
    ACTOR,
    ALLOWED,
    FSDP,
    MODEL,
    REFUSED,
    ROLLOUT,
    WARNED,
    Rule,
    get,
    has_lora,
    mode_of,
)


def _one_shard(config):
    actor, trainer = config.actor_rollout_ref.actor, config.trainer
    gpus = trainer.nnodes * trainer.n_gpus_per_node
    if actor.strategy == "fsdp" and actor.fsdp_config.fsdp_size == 1 and gpus > 1:
        return (
            f"{ACTOR}.fsdp_config.fsdp_size=1 on {gpus} GPUs: FSDP1 then never averages the gradients, and each GPU trains a "
            f"model of its own; set it to -1, or to a larger divisor of {gpus}"
        )


def _adapters_stay(config):
    if mode_of(config) != "separate_async" or not has_lora(config):
        return None
    backend = config.actor_rollout_ref.rollout.checkpoint_engine.backend
    if backend == "delta_sharded":
        return (
            f"{ROLLOUT}.checkpoint_engine.backend is delta_sharded, which sends no LoRA adapter, so that rollouts stay with "
            f"the base model; set it to nccl, with {MODEL}.lora.merge=True"
        )
    if not get(config, f"{MODEL}.lora.merge", False):
        return (
            "LoRA with separate_async: verl sends the base model's weights and never the adapter, so that all rollouts come "
            f"from the untrained model; set {MODEL}.lora.merge=True, or another trainer.v1.trainer_mode"
        )


def _padded_length(config):
    actor = config.actor_rollout_ref.actor
    if actor.loss_agg_mode == "seq-mean-token-sum-norm" and actor.loss_scale_factor is None:
        return (
            f"{ACTOR}.loss_agg_mode=seq-mean-token-sum-norm divides by the longest response of each micro-batch, so that the "
            f"loss depends on how responses are put together; set {ACTOR}.loss_scale_factor, for example to "
            f"data.max_response_length ({config.data.max_response_length})"
        )


def _other_nodes(config):
    """verl counts a replica's nodes by the rollout's GPUs on each."""
    if not config.actor_rollout_ref.hybrid_engine:
        return None
    rollout, trainer = config.actor_rollout_ref.rollout, config.trainer
    size = rollout.tensor_model_parallel_size * rollout.data_parallel_size * rollout.pipeline_model_parallel_size
    if min(rollout.n_gpus_per_node, size) != min(trainer.n_gpus_per_node, size):
        return (
            f"{ROLLOUT}.n_gpus_per_node is {rollout.n_gpus_per_node} and trainer.n_gpus_per_node {trainer.n_gpus_per_node}, so "
            f"that verl takes a replica of {size} GPUs to be on other nodes than it is; leave {ROLLOUT}.n_gpus_per_node out, "
            "or make it the same"
        )


def _bf16_weights(config):
    dtype = get(config, f"{ACTOR}.fsdp_config.model_dtype", "fp32")
    if config.actor_rollout_ref.actor.strategy in FSDP and dtype not in ("fp32", "float32", "float") and not has_lora(config):
        return (
            f"{ACTOR}.fsdp_config.model_dtype={dtype} keeps weights and Adam's moments in {dtype}: a step of the learning rate "
            f"{config.actor_rollout_ref.actor.optim.lr} is below the rounding of most weights and is lost; leave it at fp32, "
            "the forward pass is in bf16 all the same"
        )


RULES = (
    Rule(
        combination="`strategy=fsdp` (FSDP1) with `fsdp_config.fsdp_size=1` on several GPUs",
        stock="Gradients are never averaged over the GPUs; each trains a model of its own. verl's maintainers do not mean to "
        "mend it, PyTorch's do not for FSDP1.",
        ours=REFUSED,
        example=("actor_rollout_ref.actor.strategy=fsdp", "actor_rollout_ref.actor.fsdp_config.fsdp_size=1"),
        find=_one_shard,
        seen=(("workers/engine/fsdp/utils.py", "hsdp_strategy = ShardingStrategy.HYBRID_SHARD"),),
        reports=("verl-project/verl#7493", "pytorch/pytorch#154888"),
    ),
    Rule(
        combination="LoRA with `separate_async`, without `lora.merge=True`, or with the checkpoint engine `delta_sharded`",
        stock="The adapter never gets to the rollouts, which stay with the base model for the whole run.",
        ours=REFUSED,
        example=(
            "trainer.v1.trainer_mode=separate_async",
            "actor_rollout_ref.rollout.nnodes=1",
            "actor_rollout_ref.rollout.checkpoint_engine.backend=nccl",
            "actor_rollout_ref.model.lora_rank=8",
            "data.train_batch_size=128",
        ),
        find=_adapters_stay,
        verl="<=0.9.1",
        seen=(
            ("workers/engine_workers.py", "per_tensor_param, _ = self.actor.engine.get_per_tensor_param()\n"),
            ("workers/engine/fsdp/transformer_impl.py", "Non-LoRA base path only."),
        ),
        reports=("verl-project/verl#7495",),
    ),
    Rule(
        combination="`loss_agg_mode=seq-mean-token-sum-norm` without `loss_scale_factor`",
        stock="The sum is divided by the padded length of each micro-batch: the same responses get another loss in other "
        "company.",
        ours=REFUSED,
        example=("actor_rollout_ref.actor.loss_agg_mode=seq-mean-token-sum-norm",),
        find=_padded_length,
        seen=(("trainer/ppo/core_algos.py", "horizon = loss_mask.shape[-1]"),),
    ),
    Rule(
        combination="`rollout.n_gpus_per_node` smaller than a replica, `trainer.n_gpus_per_node` not",
        stock="verl takes the replica to be on several nodes, and its servers get no weights.",
        ours=REFUSED,
        example=(
            "actor_rollout_ref.rollout.n_gpus_per_node=1",
            "actor_rollout_ref.rollout.tensor_model_parallel_size=2",
        ),
        find=_other_nodes,
        seen=(("workers/rollout/replica.py", "self.gpus_per_replica_node"),),
    ),
    Rule(
        combination="FSDP, `fsdp_config.model_dtype=bfloat16`, all weights trained",
        stock="Weights and moments are kept in bf16, where a step of 1e-6 is lost in rounding for all but the smallest "
        "weights.",
        ours=WARNED,
        example=("actor_rollout_ref.actor.fsdp_config.model_dtype=bfloat16",),
        find=_bf16_weights,
        seen=(("workers/engine/fsdp/transformer_impl.py", "self.engine_config.model_dtype"),),
        reports=("verl-project/verl#5308",),
    ),
    Rule(
        combination="Packed sequences (`use_remove_padding=True`) with `attn_implementation` `sdpa` or `eager`",
        stock="Right: verl gives no attention mask, and transformers finds the borders in the position ids. Where a mask is "
        "given, sequences see each other.",
        ours=ALLOWED,
        test="tests/runs/combinations/test_stock.py::test_packed_sequences_do_not_see_each_other",
        seen=(("workers/engine/fsdp/transformer_impl.py", '"attention_mask": None'),),
        reports=("areal-project/AReaL#1442", "huggingface/transformers#46634"),
    ),
)
