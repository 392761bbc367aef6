"""Every path of a config made absolute: once, on the driver, before Ray, whose actors each have a working folder of their own.

verl expands no `~`, asserts that a model path does not end in `/`, and looks for a relative one where each process runs.
"""

from __future__ import annotations

import os
import re

from hydra.utils import get_original_cwd
from omegaconf import DictConfig, ListConfig, OmegaConf

from verl_patches.names import RAY_WORKING_DIRS

_PARTS = ("actor_rollout_ref", "critic")
_MEGATRON = tuple(f"{part}.megatron" for part in ("actor_rollout_ref.actor", "actor_rollout_ref.ref", "critic"))
# Folders, or names on the Hugging Face hub.
MODELS = (
    *(f"{part}.model.{key}" for part in _PARTS for key in ("path", "hf_config_path", "tokenizer_path", "lora_adapter_path")),
    *(f"{part}.model.lora.adapter_path" for part in _PARTS),
    "reward.reward_model.model_path",
    "distillation.teacher_models.teacher_model.model_path",
)
# Files of Python code; `pkg://module` is left as it is.
CODE = (
    "actor_rollout_ref.rollout.agent.custom_async_server.path",
    "actor_rollout_ref.rollout.multi_turn.function_tool_path",
    "data.custom_cls.path",
    "data.function_tool_path",
    "reward.custom_reward_function.path",
    "reward.reward_manager.module.path",
    "trainer.v1.sampler.custom_sampler.path",
)
# Further files and folders that are read.
READ = (
    "actor_rollout_ref.actor.fsdp_config.qat.quantization_config_path",
    "actor_rollout_ref.actor.qat.quantization_config_path",
    "actor_rollout_ref.ref.fsdp_config.qat.quantization_config_path",
    "actor_rollout_ref.rollout.qat.quantization_config_path",
    "actor_rollout_ref.rollout.quantization_config_file",
    "actor_rollout_ref.rollout.router_config_path",
    "actor_rollout_ref.rollout.agent.agent_loop_config_path",
    "actor_rollout_ref.rollout.multi_turn.tool_config_path",
    "critic.fsdp.qat.quantization_config_path",
    "data.tool_config_path",
    "data.train_files",
    "data.val_files",
    "reward.reward_model.rollout.quantization_config_file",
    *(f"{engine}.dist_checkpointing_path" for engine in _MEGATRON),
    *(f"{engine}.router_replay.replay_file" for engine in _MEGATRON),
    *(f"{engine}.qat.quantization_config_path" for engine in _MEGATRON),
    "trainer.resume_from_path",
)
# Written, and to outlive the run.
WRITTEN = ("trainer.default_local_dir", "trainer.rollout_data_dir", "trainer.validation_data_dir", "trainer.token_dump.folder")
# Written where it is asked for.
MORE_WRITTEN = (
    "data.cache_dir",
    "global_profiler.save_path",
    "ray_kwargs.timeline_json_file",
    *(f"{engine}.router_replay.record_file" for engine in _MEGATRON),
    *(f"skip.{what}.dump_dir" for what in ("rollout", "rollout_tq", "async_rollout")),
)
_HUB_NAME = re.compile(r"\w[\w.-]*(/[\w.-]+)?", re.ASCII)


def resolve_paths(config: DictConfig) -> None:
    """Set every path of the config to what the driver means by it.

    Raises:
        ValueError: a path that is no text, of an unknown user, with a variable that the shell has left, or of a kind that verl
            cannot read; a relative one to write to in a job's temporary working folder.
    """
    for keys, resolve in ((MODELS, _model), (CODE, _code), (READ, _path), (WRITTEN, _kept), (MORE_WRITTEN, _written)):
        for key in keys:
            given = OmegaConf.select(config, key)
            if given is None or _is_borrowed(config, key):
                continue
            found = [resolve(key, one) for one in given] if isinstance(given, ListConfig) else resolve(key, given)
            OmegaConf.update(config, key, found)


def _is_borrowed(config: DictConfig, key: str) -> bool:
    """Whether a mapping above the key is a reference to another one, which has the path as its own."""
    node, parts = config, key.split(".")
    for part in parts[:-1]:
        if OmegaConf.is_interpolation(node, part):
            return True
        node = node[part]
    return False


def _path(key: str, given: str) -> str:
    if not isinstance(given, str) or not given.strip():
        raise ValueError(f"{key} is {given!r}; it must be a path")
    scheme, marked, _ = given.partition("://")
    if marked and scheme != "hdfs":
        raise ValueError(f"{key} is {given}, and verl reads no {scheme}:// there; give a path on a disk that all nodes share")
    if marked:
        return given.rstrip("/")
    if re.search(r"\$[\w{]", given):
        raise ValueError(f"{key} is {given}, where the shell has left a variable; remove the single quotes, or write it out")
    path = os.path.expanduser(given)
    if path.startswith("~"):
        raise ValueError(f"{key} is {given}, and there is no user {given.partition('/')[0][1:]!r}; write the path out")
    return os.path.normpath(os.path.join(_origin(), path))


def _model(key: str, given: str) -> str:
    path = _path(key, given)
    if isinstance(given, str) and not os.path.isdir(path) and _HUB_NAME.fullmatch(given.rstrip("/")):
        return given.rstrip("/")
    return path


def _code(key: str, given: str) -> str:
    if isinstance(given, str) and given.startswith("pkg://"):
        return given
    return _path(key, given.removeprefix("file://") if isinstance(given, str) else given)


def _written(key: str, given: str) -> str:
    path = _path(key, given)
    if "://" in path:
        raise ValueError(f"{key} is {given}, and verl writes there to disks only; give a path on one that all nodes share")
    return path


def _kept(key: str, given: str) -> str:
    path = _written(key, given)
    if f"/{RAY_WORKING_DIRS}/" in f"{path}/":
        raise ValueError(
            f"{key} is {given}, which a submitted job takes from Ray's temporary copy of the working directory: that is "
            f"deleted after the job, with all checkpoints; give an absolute path that all nodes share, {key}=/shared/runs/1"
        )
    return path


def _origin() -> str:
    """The folder in which the command was given; Hydra can be told to leave it."""
    try:
        return get_original_cwd()
    except ValueError:  # not started by Hydra
        return os.getcwd()
