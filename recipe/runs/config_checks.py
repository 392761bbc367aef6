"""Checks of a composed config, each ending in one sentence that says what is wrong and how to mend it; combinations/ has those
of settings that only together train wrongly.

They run on the driver before Ray starts, and again where the trainer is built, for runs started in another way.
"""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig, OmegaConf

from recipe.adaptive_temperature.rollout_config import check_sampling
from recipe.runs.combinations import check_combinations
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
    if config.get("distillation", {}).get("enabled", False):
        raise ValueError(f"distillation.enabled=True replaces the loss that {method.name} installs; set it to False")
    limit = config.trainer.get("hang_timeout_s")
    if limit is not None and (isinstance(limit, bool) or not (isinstance(limit, int | float) and limit > 0)):
        raise ValueError(f"trainer.hang_timeout_s is {limit!r}; give seconds above 0, or null for no limit")
    dump_settings(config)
    overlong_filtering(config)
    if mode == "separate_async":
        _check_separate_async(config)
    _check_overlong_buffer(config)
    _check_micro_batches(config, mode)
    check_combinations(config)
    check_sampling(config)
    method.check(config)
    return settings


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
