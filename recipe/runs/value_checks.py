"""Every value of a config, looked at before anything computes with it: is it of the type that verl's own configs have there,
and is it in its range, where one is given below?

verl checks no types: it fails at the first place that uses the value, often in an actor and with the GPUs held.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

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
_RAY, _REWARD = "ray_kwargs.ray_init", "reward.reward_kwargs"
_TEXTS_OR_NULL = (
    "actor_rollout_ref.model.custom_chat_template",
    "actor_rollout_ref.model.external_lib",
    "data.custom_cls.name",
    "data.tokenizer",
    "trainer.checkpoint_callback_class",
    "trainer.default_hdfs_dir",
    "trainer.v1.sampler.custom_sampler.name",
)
# Mappings that verl's own configs do not have as such, and those that may be null.
_MORE_MAPPINGS = (
    "adaptive_temperature",
    "trainer.token_dump",
    *(_REWARD, f"{_REWARD}.overlong_buffer_cfg"),
    *(_RAY, f"{_RAY}.runtime_env", f"{_RAY}.runtime_env.env_vars"),
    *(f"{part}.fsdp_config.mixed_precision" for part in (_ACTOR, _REF)),
    "reward.custom_reward_function.reward_kwargs",
    "actor_rollout_ref.rollout.engine_kwargs.vllm",
    "preflight",
)
_MAPPINGS_OR_NULL = (
    "algorithm.filter_groups",
    "algorithm.rollout_correction",
    *(_REWARD, f"{_REWARD}.overlong_buffer_cfg", f"{_RAY}.runtime_env.env_vars"),
    *(f"{part}.fsdp_config.mixed_precision" for part in (_ACTOR, _REF)),
)
# Where verl takes more than what its default is.
_ALSO = {
    f"{_ACTOR}.fsdp_config.reshard_after_forward": (int,),
    f"{_REF}.fsdp_config.reshard_after_forward": (int,),
    "actor_rollout_ref.model.target_modules": (list,),
    "data.train_files": (list, type(None)),
    "data.val_files": (list, type(None)),
    "trainer.logger": (str,),
    "actor_rollout_ref.model.path": (type(None),),  # what must be given is asked for elsewhere
    "actor_rollout_ref.rollout.prometheus.served_model_name": (type(None),),  # the same value
}
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


def check_values(config: DictConfig) -> None:
    """Raise ValueError for the first value that has no meaning: a reference to nothing, a wrong type, out of range."""
    tree = OmegaConf.to_container(config)
    for key in (*_mappings(tuple(verls_defaults("fsdp"))), *_MORE_MAPPINGS):
        _check_mapping(tree, key)
    written = dict(leaves(tree))
    _refuse_broken_references(config, written)
    values = dict(leaves(OmegaConf.to_container(config, resolve=True)))
    for key, allowed in _CHOICES.items():
        if key in values:
            check_choice(key, values[key], allowed)
    _check_engine(config.actor_rollout_ref.actor)
    schema = verls_defaults(config.actor_rollout_ref.actor.strategy)
    # What only refers to another value comes last, so that the key that the user has set is named.
    for key in sorted(values, key=lambda key: any(_refers(written.get(part)) for part in (key, *_above(key)))):
        _check_type(key, values[key], schema)
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
    _check_loggers(config.trainer.logger)


def leaves(node: dict, path: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted key, value) of everything in a config that is no mapping, and of the empty ones."""
    for name, value in node.items():
        key = f"{path}.{name}" if path else str(name)
        if isinstance(value, dict) and value:
            yield from leaves(value, key)
        else:
            yield key, value


@cache
def verls_defaults(strategy: str) -> dict[str, Any]:
    """verl's own value of each key with this engine."""
    engine = f"{strategy}_" if strategy in ("megatron", "torchtitan", "veomni") else ""
    file = Path(find_spec("verl").submodule_search_locations[0]) / f"trainer/config/_generated_ppo_{engine}trainer.yaml"
    plain = yaml.load(file.read_text(), yaml.CSafeLoader)  # OmegaConf's own reader takes ten times as long
    return dict(leaves(OmegaConf.to_container(OmegaConf.create(plain), resolve=True)))


def _check_mapping(tree: dict, key: str) -> None:
    """What other keys are below is a mapping, if it is there."""
    node: Any = tree
    for part in key.split("."):
        if not isinstance(node, dict) or part not in node:
            return
        node = node[part]
    if not isinstance(node, dict) and not _refers(node) and not (node is None and key in _MAPPINGS_OR_NULL):
        raise ValueError(f"{key} is {node!r}; it must be a mapping, since other keys are below it")


def _refers(text: Any) -> bool:
    return isinstance(text, str) and "${" in text


def _refuse_broken_references(config: DictConfig, written: dict[str, Any]) -> None:
    broken = {}
    for key in (key for key, text in written.items() if _refers(text)):
        try:
            OmegaConf.select(config, key)
        except OmegaConfBaseException as error:
            broken[key] = str(error).splitlines()[0]
    for key, reason in broken.items():
        if not any(
            re.search(rf"[{{:]{re.escape(other)}[,}}]", written[key]) for other in broken
        ):  # else the other one is to be mended
            raise ValueError(f"{key} refers to what is not there: {reason}; mend the ${{...}} in it")


def _check_type(key: str, value: Any, schema: dict[str, Any]) -> None:
    wanted = next((wish for wish in _wishes(key, value, schema)), None)
    if wanted:
        raise ValueError(f"{key} is {value!r}; it must be {wanted}")


def _wishes(key: str, value: Any, schema: dict[str, Any]) -> Iterator[str]:
    """What else the value must be, nothing if it is right or not known to verl's configs."""
    for above in _above(key):
        if schema.get(above) is not None and not isinstance(schema[above], dict):
            yield f"no mapping: {above} has one value, {schema[above]!r} for example"
    default = schema.get(key)
    if value == "???" and default != "???":
        yield "set, which ??? asks for"
    if default is None or default == "???" or isinstance(value, _ALSO.get(key, ())):
        return
    for kind, right, name in (
        (bool, isinstance(value, bool), "true or false"),
        (int | float, is_number(value), "a finite number"),
        (str, isinstance(value, str), "text"),
        (list, isinstance(value, list), "a list, [a,b]"),
        (dict, isinstance(value, dict), "a mapping, {key:value}"),
    ):
        if isinstance(default, kind):
            if not right:
                yield f"{name}, as in verl's {default!r}"
            return


def _above(key: str) -> Iterator[str]:
    while key := key.rpartition(".")[0]:
        yield key


@cache
def _mappings(keys: tuple[str, ...]) -> frozenset[str]:
    """The keys that have others below them."""
    return frozenset(above for key in keys for above in _above(key))


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
    for name in given if isinstance(given, ListConfig) else [given]:
        check_choice("trainer.logger", name, tuple(_LOGGERS))
        package = _LOGGERS[name]
        if package and find_spec(package) is None:
            raise ValueError(
                f"trainer.logger has {name}, whose package {package} is not installed; install it, or leave it out"
            )


def _check_engine(actor: DictConfig) -> None:
    """The strategy and the part of the config that belongs to it come together, by `model_engine`."""
    part = "megatron" if actor.strategy == "megatron" else "fsdp_config" if actor.strategy in ("fsdp", "fsdp2") else None
    if part and part not in actor:
        engine = "megatron" if part == "megatron" else "dp"
        raise ValueError(
            f"{_ACTOR}.strategy is {actor.strategy}, which needs another engine's settings; set model_engine={engine}"
        )
