"""Checks of a composed config, each ending in one sentence that says what is wrong and how to mend it.

They run on the driver before Ray starts, and again where the trainer is built, for runs started in another way.
"""

from __future__ import annotations

import importlib
import inspect
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf

MODES = ("sync", "colocate_async", "separate_async")


@dataclass(frozen=True)
class Method:
    """One token-level method.

    name: under which loss and estimator are registered; the trainers are `<name>_<mode>`.
    plugin: module that registers loss and estimator; imported in every process.
    trainers: module that registers the trainers; imported in the task runner.
    token_fields: fields that the estimator makes for the loss.
    needs_verdict: whether the reward function must return `acc`.
    settings: build the typed settings from the method's config node; ValueError if they are wrong.
    ratios: turn the sums that the loss filled into metrics.
    """

    name: str
    plugin: str
    trainers: str
    token_fields: tuple[str, ...]
    needs_verdict: bool
    settings: Callable[[Mapping], Any]
    ratios: Callable[[Mapping[str, float]], dict[str, float]]


def check_registered(method: Method) -> None:
    """Raise RuntimeError unless verl knows the method's loss and estimator (verl hides a plugin's import error)."""
    from verl.trainer.ppo.core_algos import ADV_ESTIMATOR_REGISTRY, POLICY_LOSS_REGISTRY

    importlib.import_module(method.plugin)
    for registry, kind in ((POLICY_LOSS_REGISTRY, "policy loss"), (ADV_ESTIMATOR_REGISTRY, "advantage estimator")):
        found = registry.get(method.name)
        if found is None:
            raise RuntimeError(f"{method.plugin} was imported but verl has no {kind} named {method.name!r}")
        if found.__module__ != method.plugin:
            raise RuntimeError(
                f"verl's {kind} {method.name!r} comes from {found.__module__}, not from {method.plugin}: another plugin took "
                "the name; remove it from VERL_USE_EXTERNAL_MODULES or uninstall it"
            )


def check_run(config: DictConfig, method: Method) -> Any:
    """Return the method's typed settings; ValueError for a config that verl would accept and this method cannot train with."""
    for key in ("actor_rollout_ref.model.path", "data.train_files", "data.val_files"):
        if OmegaConf.select(config, key) is None:
            raise ValueError(f"{key} is not set; give it on the command line as {key}=...")

    actor, rollout = config.actor_rollout_ref.actor, config.actor_rollout_ref.rollout
    settings = method.settings(OmegaConf.to_container(config[method.name], resolve=True))

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
            f"that {method.name} needs; set it to False"
        )
    if config.get("distillation", {}).get("enabled", False):
        raise ValueError(f"distillation.enabled=True replaces the loss that {method.name} installs; set it to False")
    if getattr(settings, "entropy_source", None) == "current_policy" and not actor.calculate_entropy:
        raise ValueError(
            f"{method.name}.entropy_source=current_policy needs the actor update to compute the entropy; set "
            "actor_rollout_ref.actor.calculate_entropy=True"
        )
    _check_micro_batches(config)
    return settings


def _check_micro_batches(config: DictConfig) -> None:
    """verl asserts this after the model is loaded and the first batch generated."""
    actor, rollout = config.actor_rollout_ref.actor, config.actor_rollout_ref.rollout
    if actor.use_dynamic_bsz or actor.strategy not in ("fsdp", "fsdp2"):
        return
    ranks = config.trainer.nnodes * config.trainer.n_gpus_per_node // actor.fsdp_config.ulysses_sequence_parallel_size
    for rows, key in (
        (actor.ppo_mini_batch_size * rollout.n, "actor.ppo_micro_batch_size_per_gpu"),
        (config.data.train_batch_size * rollout.n, "rollout.log_prob_micro_batch_size_per_gpu"),
    ):
        micro = OmegaConf.select(config.actor_rollout_ref, key)
        if micro and rows % (ranks * micro):
            raise ValueError(
                f"actor_rollout_ref.{key} is {micro}, which does not divide {rows} responses on {ranks} ranks evenly; choose a "
                "divisor, or set actor_rollout_ref.actor.use_dynamic_bsz=True"
            )


def check_progress(config: DictConfig) -> None:
    """Raise ValueError if the newest checkpoint is at or past the last step: verl would start everything and exit 0."""
    trainer = config.trainer
    tracker = os.path.join(trainer.default_local_dir, "latest_checkpointed_iteration.txt")
    if trainer.resume_mode != "auto" or trainer.total_training_steps is None or trainer.val_only or not os.path.isfile(tracker):
        return
    with open(tracker) as file:
        refuse_finished(config, int(file.read()), trainer.total_training_steps)


def refuse_finished(config: DictConfig, step: int, last_step: int) -> None:
    """Raise ValueError if a run that resumes at `step` has nothing left to train."""
    if step >= last_step:
        raise ValueError(
            f"nothing to train: the checkpoint in {config.trainer.default_local_dir} is at step {step} and training ends at "
            f"step {last_step}; raise trainer.total_training_steps (or trainer.total_epochs), or start anew with another "
            "trainer.default_local_dir"
        )


def check_files(config: DictConfig) -> None:
    """Raise ValueError for a missing model folder or data file, or data without the columns that training reads."""
    path = os.path.expanduser(config.actor_rollout_ref.model.path)
    looks_local = path.startswith(("/", ".")) or path != config.actor_rollout_ref.model.path
    if looks_local and not os.path.isfile(os.path.join(path, "config.json")):
        raise ValueError(
            f"actor_rollout_ref.model.path is {path}, where there is no config.json; give a Hugging Face model folder"
        )
    for key in ("data.train_files", "data.val_files"):
        files = OmegaConf.select(config, key)
        for file in files if isinstance(files, ListConfig) else [files]:
            _check_data_file(key, os.path.expanduser(str(file)), config.data.prompt_key)


def _check_data_file(key: str, file: str, prompt_key: str) -> None:
    if "://" in file:
        return
    if not os.path.isfile(file):
        raise ValueError(f"{key} names {file}, which does not exist")
    if not file.endswith(".parquet"):
        return
    import pyarrow.parquet as parquet

    try:
        schema = parquet.read_schema(file)
    except Exception as error:
        raise ValueError(f"{key}: {file} is not a readable parquet file ({error})") from None
    for column in (prompt_key, "data_source", "reward_model"):
        if column not in schema.names:
            raise ValueError(f"{key}: {file} has no column {column!r}; its columns are {', '.join(schema.names)}")
    reward_model = schema.field("reward_model").type
    fields = [reward_model.field(i).name for i in range(getattr(reward_model, "num_fields", 0))]
    if "ground_truth" not in fields:
        raise ValueError(
            f"{key}: the column 'reward_model' of {file} has no 'ground_truth', which the reward function compares answers with"
        )


def check_reward(config: DictConfig, method: Method) -> None:
    """Score an empty answer to the first training prompt; ValueError if that fails or gives no verdict. Imports verl."""
    file = _first_file(config.data.train_files)
    reward_model_only = config.reward.reward_model.enable and not config.reward.custom_reward_function.path
    if not (method.needs_verdict and file.endswith(".parquet") and os.path.isfile(file)) or reward_model_only:
        return
    import pyarrow.parquet as parquet
    from verl.trainer.ppo.reward import get_custom_reward_fn
    from verl.utils.reward_score import default_compute_score

    function = get_custom_reward_fn(config) or default_compute_score
    if inspect.iscoroutinefunction(function):
        return
    row = next(parquet.ParquetFile(file).iter_batches(batch_size=1)).to_pylist()[0]
    try:
        result = function(
            data_source=row["data_source"],
            solution_str="",
            ground_truth=row["reward_model"]["ground_truth"],
            extra_info=row.get("extra_info") or {},
        )
    except Exception as error:
        raise ValueError(
            f"the reward function failed on an empty answer to the first prompt of {file} ({type(error).__name__}: {error}); "
            "see reward.custom_reward_function, and the column 'data_source' if it is verl's default"
        ) from error
    # A plain number is taken by verl as both reward and verdict.
    if isinstance(result, dict) and "acc" not in result:
        raise ValueError(
            f"the reward function returns {', '.join(sorted(result))} but no 'acc'; {method.name} splits by the verifier's "
            "verdict: return a dict with 'score' and 'acc' (0 or 1)"
        )


def _first_file(files) -> str:
    return os.path.expanduser(str(files[0] if isinstance(files, ListConfig) else files))
