"""Which values of a config make sense: ranges and choices, where verl's own configs tell a type at most."""

from __future__ import annotations

import math
from importlib.util import find_spec
from typing import Any

from recipe.primitives.ranges import check_choice

_ACTOR, _ROLLOUT, _REF = "actor_rollout_ref.actor", "actor_rollout_ref.rollout", "actor_rollout_ref.ref"
_ANY = -math.inf

# Whole numbers, and the smallest that makes sense.
_COUNTS = {
    "trainer.nnodes": 1,
    "trainer.n_gpus_per_node": 1,
    "trainer.total_epochs": 1,
    "trainer.save_freq": _ANY,
    "trainer.test_freq": _ANY,
    "trainer.critic_warmup": 0,
    "trainer.log_val_generations": 0,
    "trainer.v1.separate_async.parameter_sync_step": 1,
    "trainer.v1.colocate_async.num_warmup_batches": 0,
    "trainer.v1.separate_async.num_warmup_batches": 0,
    "data.train_batch_size": 1,
    "data.max_prompt_length": 1,
    "data.max_response_length": 1,
    "data.train_max_samples": -1,
    "data.val_max_samples": -1,
    "data.dataloader_num_workers": 0,
    "data.filter_overlong_prompts_workers": 1,
    "algorithm.filter_groups.max_inflight_gen_batches": 1,
    "reward.num_workers": 1,
    "reward.reward_kwargs.overlong_buffer_cfg.len": 0,
    "actor_rollout_ref.model.lora_rank": 0,
    f"{_ACTOR}.ppo_mini_batch_size": 1,
    f"{_ACTOR}.ppo_epochs": 1,
    f"{_ACTOR}.ppo_max_token_len_per_gpu": 1,
    f"{_ACTOR}.ulysses_sequence_parallel_size": 1,
    f"{_ACTOR}.fsdp_config.ulysses_sequence_parallel_size": 1,
    f"{_ACTOR}.fsdp_config.fsdp_size": -1,
    f"{_ACTOR}.optim.lr_warmup_steps": -1,
    f"{_ACTOR}.megatron.tensor_model_parallel_size": 1,
    f"{_ACTOR}.megatron.pipeline_model_parallel_size": 1,
    f"{_ACTOR}.megatron.context_parallel_size": 1,
    f"{_ROLLOUT}.n": 1,
    f"{_ROLLOUT}.nnodes": 0,
    f"{_ROLLOUT}.n_gpus_per_node": 0,
    f"{_ROLLOUT}.top_k": -1,
    f"{_ROLLOUT}.val_kwargs.n": 1,
    f"{_ROLLOUT}.val_kwargs.top_k": -1,
    f"{_ROLLOUT}.tensor_model_parallel_size": 1,
    f"{_ROLLOUT}.data_parallel_size": 1,
    f"{_ROLLOUT}.pipeline_model_parallel_size": 1,
    f"{_ROLLOUT}.max_num_batched_tokens": 1,
    f"{_ROLLOUT}.max_num_seqs": 1,
    f"{_ROLLOUT}.log_prob_max_token_len_per_gpu": 1,
    f"{_REF}.log_prob_max_token_len_per_gpu": 1,
    f"{_ROLLOUT}.agent.num_workers": 1,
}
# The same, or null.
_COUNTS_OR_NULL = {
    "trainer.total_training_steps": 1,
    "trainer.max_actor_ckpt_to_keep": 1,
    "trainer.max_critic_ckpt_to_keep": 1,
    "data.seed": 0,
    "data.gen_batch_size": 1,
    "data.val_batch_size": 1,
    f"{_ACTOR}.ppo_micro_batch_size": 1,
    f"{_ACTOR}.ppo_micro_batch_size_per_gpu": 1,
    f"{_ROLLOUT}.log_prob_micro_batch_size": 1,
    f"{_ROLLOUT}.log_prob_micro_batch_size_per_gpu": 1,
    f"{_REF}.log_prob_micro_batch_size": 1,
    f"{_REF}.log_prob_micro_batch_size_per_gpu": 1,
    f"{_ROLLOUT}.max_model_len": 1,
    f"{_ROLLOUT}.multi_turn.max_assistant_turns": 1,
    f"{_ROLLOUT}.multi_turn.max_user_turns": 1,
    "ray_kwargs.ray_init.num_cpus": 1,
    "ray_kwargs.ray_init.num_gpus": 0,
}
# Numbers between two, of which the first may itself be excluded.
_NUMBERS = {
    f"{_ACTOR}.optim.lr": (0, math.inf),
    f"{_ACTOR}.optim.weight_decay": (0, math.inf),
    f"{_ACTOR}.optim.lr_warmup_steps_ratio": (0, 1),
    f"{_ACTOR}.optim.min_lr_ratio": (0, 1),
    f"{_ACTOR}.kl_loss_coef": (0, math.inf),
    f"{_ROLLOUT}.val_kwargs.temperature": (0, math.inf),
    "reward.reward_kwargs.overlong_buffer_cfg.penalty_factor": (0, math.inf),
    "algorithm.gamma": (0, 1),
    "algorithm.lam": (0, 1),
}
_ABOVE = {
    f"{_ACTOR}.optim.clip_grad": (0, math.inf),
    f"{_ROLLOUT}.temperature": (0, math.inf),
    f"{_ROLLOUT}.top_p": (0, 1),
    f"{_ROLLOUT}.val_kwargs.top_p": (0, 1),
    f"{_ROLLOUT}.gpu_memory_utilization": (0, 1),
    "algorithm.rollout_correction.rollout_is_threshold": (0, math.inf),
    "trainer.v1.sampler.poll_interval": (0, math.inf),
}
_NOT_ZERO = (f"{_ACTOR}.fsdp_config.fsdp_size", f"{_ROLLOUT}.top_k", f"{_ROLLOUT}.val_kwargs.top_k")
_DTYPES = ("bfloat16", "bf16", "float16", "fp16", "half", "float32", "fp32", "float")
_CHOICES = {
    "data.truncation": ("error", "left", "right", "middle"),
    "trainer.resume_mode": ("auto", "disable", "resume_path"),
    f"{_ACTOR}.strategy": ("fsdp", "fsdp2", "megatron", "veomni", "torchtitan", "automodel", "fsdp_turbo"),
    f"{_ACTOR}.fsdp_config.model_dtype": _DTYPES,
    f"{_ACTOR}.fsdp_config.dtype": _DTYPES,
    f"{_ROLLOUT}.name": ("vllm", "sglang", "trtllm"),
    f"{_ROLLOUT}.dtype": ("auto", *_DTYPES),
    "reward.reward_manager.source": ("register", "importlib"),
}
_TEXTS_OR_NULL = (
    "actor_rollout_ref.model.custom_chat_template",
    "actor_rollout_ref.model.external_lib",
    "data.custom_cls.name",
    "data.tokenizer",
    "trainer.checkpoint_callback_class",
    "trainer.default_hdfs_dir",
    "trainer.v1.sampler.custom_sampler.name",
)
_LOGGERS = {  # verl's Tracking, and the package that each needs
    "console": None,
    "file": None,
    "wandb": "wandb",
    "tensorboard": "tensorboard",
    "mlflow": "mlflow",
    "swanlab": "swanlab",
    "trackio": "trackio",
    "clearml": "clearml",
    "vemlp_wandb": "volcengine_ml_platform",
    "rl_insight": "rl_insight",
}


def check_choices(values: dict[str, Any]) -> None:
    """Raise ValueError for the first of `values`, by dotted key, that is none of a few words."""
    for key, allowed in _CHOICES.items():
        if key in values:
            check_choice(key, values[key], allowed)


def check_ranges(values: dict[str, Any]) -> None:
    """Raise ValueError for the first of `values`, by dotted key, that is out of range."""
    for table, may_be_null in ((_COUNTS, False), (_COUNTS_OR_NULL, True)):
        for key, low in table.items():
            if key in values and not (may_be_null and values[key] is None):
                _check_count(key, values[key], low)
    for table, inclusive in ((_NUMBERS, True), (_ABOVE, False)):
        for key, (low, high) in table.items():
            if key in values:
                _check_number(key, values[key], low, high, inclusive)
    for key in _TEXTS_OR_NULL:
        if not isinstance(values.get(key), str | None):
            raise ValueError(f"{key} is {values[key]!r}; it must be text, or null")
    for key in _NOT_ZERO:
        if values.get(key) == 0:
            raise ValueError(f"{key} is 0; it must be -1 (all) or at least 1")
    _check_loggers(values["trainer.logger"])


def is_number(value: Any) -> bool:
    """A finite number, which true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _check_count(key: str, value: Any, low: float) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < low:
        at_least = "" if low == _ANY else f" of at least {low}"
        raise ValueError(f"{key} is {value!r}; it must be a whole number{at_least}")


def _check_number(key: str, value: Any, low: float, high: float, inclusive: bool) -> None:
    if not is_number(value) or not (low <= value <= high) or (value == low and not inclusive):
        most = "" if high == math.inf else f" and at most {high}"
        raise ValueError(f"{key} is {value!r}; it must be a number {'of at least' if inclusive else 'above'} {low}{most}")


def _check_loggers(given: Any) -> None:
    for name in given if isinstance(given, list) else [given]:
        check_choice("trainer.logger", name, tuple(_LOGGERS))
        package = _LOGGERS[name]
        if package and find_spec(package) is None:
            raise ValueError(
                f"trainer.logger has {name}, whose package {package} is not installed; install it, or leave it out"
            )
