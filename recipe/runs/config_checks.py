"""Checks of a composed config, each ending in one sentence that says what is wrong and how to mend it.

They run on the driver before Ray starts, and again where the trainer is built, for runs started in another way.
"""

from __future__ import annotations

import warnings
from typing import Any

from omegaconf import DictConfig, OmegaConf

from recipe.adaptive_temperature.rollout_config import check_sampling
from recipe.runs.token_dump.dump_settings import dump_settings
from recipe.token_level.method import Method
from recipe.token_level.overlong import overlong_filtering

MODES = ("sync", "colocate_async", "separate_async")


def check_run(config: DictConfig, method: Method) -> Any:
    """Return the method's typed settings; ValueError for a config that verl would accept and this method cannot train with."""
    for key in ("actor_rollout_ref.model.path", "data.train_files", "data.val_files"):
        if OmegaConf.select(config, key) is None:
            raise ValueError(f"{key} is not set; give it on the command line as {key}=...")

    actor, rollout = config.actor_rollout_ref.actor, config.actor_rollout_ref.rollout
    settings = method.settings(OmegaConf.to_container(config[method.name], resolve=True), actor)

    mode = config.trainer.v1.trainer_mode.removeprefix(f"{method.name}_")
    if mode not in MODES:
        raise ValueError(f"trainer.v1.trainer_mode is {mode!r}; it must be one of {', '.join(MODES)}")
    if not config.trainer.use_v1:
        raise ValueError(f"trainer.use_v1=False is verl's legacy trainer, which {method.name} does not support; remove it")
    if actor.policy_loss.loss_mode == method.name and config.algorithm.adv_estimator != method.name:
        raise ValueError(
            f"algorithm.adv_estimator is {config.algorithm.adv_estimator!r}, but the policy loss {method.name!r} needs what "
            f"the estimator {method.name!r} computes; set algorithm.adv_estimator={method.name}"
        )
    if rollout.n < 2:
        raise ValueError(
            f"actor_rollout_ref.rollout.n is {rollout.n}; group advantages and prompt difficulty need at least 2 responses "
            "to each prompt"
        )
    if (config.algorithm.get("rollout_correction") or {}).get("bypass_mode", False):
        raise ValueError(
            "algorithm.rollout_correction.bypass_mode=True skips the old-log-prob pass, which measures the token entropies "
            f"that {method.name} needs, and takes the rollouts' log-probs for the old ones; set it to False"
        )
    if config.get("distillation", {}).get("enabled", False):
        raise ValueError(f"distillation.enabled=True replaces the loss that {method.name} installs; set it to False")
    limit = config.trainer.get("hang_timeout_s")
    if limit is not None and (isinstance(limit, bool) or not (isinstance(limit, int | float) and limit > 0)):
        raise ValueError(f"trainer.hang_timeout_s is {limit!r}; give seconds above 0, or null for no limit")
    dump_settings(config)
    overlong_filtering(config)
    _check_old_reward_keys(config)
    if mode == "separate_async":
        _check_separate_async(config)
    if config.actor_rollout_ref.hybrid_engine:
        _check_gpus_of_a_replica(config)
    _check_overlong_buffer(config)
    _check_micro_batches(config, mode)
    _check_rollout_correction(config)
    _warn_of_rough_entropies(config)
    check_sampling(config)
    method.check(config)
    return settings


# Where verl's recipes had them once; verl's configs still take them, its trainers read them no more.
_OLD_REWARD_KEYS = {
    "custom_reward_function": "reward.custom_reward_function",
    "reward_model.reward_manager": "reward.reward_manager.name",
    "reward_model.reward_kwargs": "reward.reward_kwargs",
    "reward_model": "reward.reward_model",
    "sandbox_fusion": "reward.sandbox_fusion",
}


def _check_old_reward_keys(config: DictConfig) -> None:
    """A reward function given in the old place would be left out without a word."""
    for old, new in _OLD_REWARD_KEYS.items():
        if _holds_anything(OmegaConf.select(config, old)):
            raise ValueError(f"{old} is a place that verl does not read any more; set {new} instead")


def _holds_anything(node: Any) -> bool:
    return any(map(_holds_anything, node.values())) if isinstance(node, DictConfig) else node is not None


def _check_separate_async(config: DictConfig) -> None:
    """verl asserts this in the task runner."""
    updates, rollout = config.trainer.v1.separate_async.parameter_sync_step, config.actor_rollout_ref.rollout
    mini_batch = config.actor_rollout_ref.actor.ppo_mini_batch_size
    if config.data.train_batch_size != updates * mini_batch:
        raise ValueError(
            f"separate_async takes data.train_batch_size = parameter_sync_step x ppo_mini_batch_size, but {updates} x "
            f"{mini_batch} is not {config.data.train_batch_size}; change one of them"
        )
    if rollout.nnodes < 1 or rollout.n_gpus_per_node < 1:
        raise ValueError(
            "separate_async runs rollouts on GPUs of their own; set actor_rollout_ref.rollout.nnodes and "
            "actor_rollout_ref.rollout.n_gpus_per_node"
        )
    if rollout.checkpoint_engine.backend == "naive":
        raise ValueError(
            "separate_async sends weights through a checkpoint engine; set "
            "actor_rollout_ref.rollout.checkpoint_engine.backend to nccl or another one of verl's, on a CPU to zmq"
        )


def _check_gpus_of_a_replica(config: DictConfig) -> None:
    """verl counts a replica's nodes by the rollout's GPUs on each; by another count than the trainer's, no weights arrive."""
    rollout, trainer = config.actor_rollout_ref.rollout, config.trainer
    size = rollout.tensor_model_parallel_size * rollout.data_parallel_size * rollout.pipeline_model_parallel_size
    if min(rollout.n_gpus_per_node, size) != min(trainer.n_gpus_per_node, size):
        raise ValueError(
            f"actor_rollout_ref.rollout.n_gpus_per_node is {rollout.n_gpus_per_node} and trainer.n_gpus_per_node "
            f"{trainer.n_gpus_per_node}, so that verl takes a replica of {size} GPUs to be on other nodes than it is; leave "
            "actor_rollout_ref.rollout.n_gpus_per_node out, or make it the same"
        )


def _check_overlong_buffer(config: DictConfig) -> None:
    """verl's `dapo` reward manager asserts this in an actor that nobody waits for."""
    kwargs = config.reward.get("reward_kwargs") or {}
    buffer = kwargs.get("overlong_buffer_cfg")
    if config.reward.reward_manager.name != "dapo" or not buffer or not buffer.get("enable", True):
        return
    if lacking := [key for key in ("enable", "len", "penalty_factor", "log") if key not in buffer]:
        raise ValueError(f"reward.reward_kwargs.overlong_buffer_cfg has no {lacking[0]}, which verl reads; set it")
    if not 0 < buffer.len <= (kwargs.get("max_resp_len") or 0):
        raise ValueError(
            f"reward.reward_kwargs.overlong_buffer_cfg.len is {buffer.len} and responses have up to "
            f"{kwargs.get('max_resp_len')} tokens; shorten the buffer (the paper: 4096 of 20480), or set its enable=False"
        )


def _check_micro_batches(config: DictConfig, mode: str) -> None:
    """verl asserts this after the model is loaded and the first batch generated."""
    actor, rollout = config.actor_rollout_ref.actor, config.actor_rollout_ref.rollout
    if actor.use_dynamic_bsz or actor.strategy not in ("fsdp", "fsdp2"):
        return
    gpus = config.trainer.nnodes * config.trainer.n_gpus_per_node
    parallel = max(actor.ulysses_sequence_parallel_size, actor.fsdp_config.ulysses_sequence_parallel_size)
    if gpus % parallel:
        raise ValueError(f"a sequence parallel size of {parallel} does not divide {gpus} GPUs")
    updates = config.trainer.v1.separate_async.parameter_sync_step if mode == "separate_async" else 1
    for prompts, key in (
        (actor.ppo_mini_batch_size, "actor.ppo_micro_batch_size_per_gpu"),
        (config.data.train_batch_size // updates, "rollout.log_prob_micro_batch_size_per_gpu"),
    ):
        rows, ranks, micro = prompts * rollout.n, gpus // parallel, OmegaConf.select(config.actor_rollout_ref, key)
        if micro and rows % (ranks * micro):
            raise ValueError(
                f"actor_rollout_ref.{key} is {micro}, which does not divide {rows} responses on {ranks} ranks evenly; choose a "
                "divisor, or set actor_rollout_ref.actor.use_dynamic_bsz=True"
            )


def _check_rollout_correction(config: DictConfig) -> None:
    """verl leaves the correction out without a word if the rollouts bring no log-probs."""
    correction = config.algorithm.get("rollout_correction") or {}
    wanted = correction.get("rollout_is") or correction.get("rollout_rs")
    if wanted and not config.actor_rollout_ref.rollout.calculate_log_probs:
        raise ValueError(
            f"algorithm.rollout_correction asks for {wanted!r}, which needs the rollouts' log-probs; set "
            "actor_rollout_ref.rollout.calculate_log_probs=True"
        )


def _warn_of_rough_entropies(config: DictConfig) -> None:
    """In bfloat16 many small entropies come out as 0; verl's FSDP engine upcasts in one of its branches only."""
    model, actor = config.actor_rollout_ref.model, config.actor_rollout_ref.actor
    if actor.strategy not in ("fsdp", "fsdp2"):
        return
    dtype = (actor.fsdp_config.get("mixed_precision") or {}).get("param_dtype", "bf16")
    if dtype not in ("fp32", "float32") and not (model.use_remove_padding and actor.entropy_from_logits_with_chunking):
        warnings.warn(
            f"token entropies are computed in {dtype}, where many small ones come out as 0; keep use_remove_padding=True of "
            "actor_rollout_ref.model and entropy_from_logits_with_chunking=True of actor_rollout_ref.actor",
            stacklevel=2,
        )
