"""Checks of what a run reads, each ending in one sentence: model folder, data files, reward function, checkpoints."""

from __future__ import annotations

import os
import warnings

from omegaconf import DictConfig, ListConfig, OmegaConf

from recipe.runs.checkpoints import newest_complete
from recipe.runs.digests import damage
from recipe.runs.reward_function import call_reward, load_reward
from recipe.token_level.method import Method


def check_progress(config: DictConfig) -> None:
    """Raise ValueError if the run would resume at or past its last step, where verl would start everything and exit 0.

    Also if there are checkpoints, but none is complete.
    """
    trainer = config.trainer
    if trainer.resume_mode != "auto" or trainer.val_only:
        return
    folder, _ = newest_complete(trainer.default_local_dir)
    if folder and trainer.total_training_steps is not None and int(folder.rsplit("_", 1)[1]) >= trainer.total_training_steps:
        folder, _ = newest_complete(trainer.default_local_dir, damage)  # it reads all files, so only before a refusal
    if folder and trainer.total_training_steps is not None:
        refuse_finished(config, int(folder.rsplit("_", 1)[1]), trainer.total_training_steps)


def refuse_finished(config: DictConfig, step: int, last_step: int, steps_per_epoch: int | None = None) -> None:
    """Raise ValueError if a run that resumes at `step` has nothing left to train."""
    if steps_per_epoch == 0:
        raise ValueError(
            f"the training set has fewer prompts than one batch (data.train_batch_size={config.data.train_batch_size}); "
            "lower data.train_batch_size or add data"
        )
    if steps_per_epoch is not None:
        last_step = min(last_step, steps_per_epoch * config.trainer.total_epochs)
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
            file = os.path.expanduser(str(file))
            if "://" in file:
                continue
            if not os.path.isfile(file):
                raise ValueError(f"{key} names {file}, which does not exist")
            if file.endswith(".parquet") and not config.data.custom_cls.path:  # such a class may read other columns
                _check_columns(key, file, config.data.prompt_key)


def _check_columns(key: str, file: str, prompt_key: str) -> None:
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


def check_reward(config: DictConfig, method: Method) -> dict | float | None:
    """Score an empty answer to the first training prompt and return the result, None where that cannot be tried. Imports verl.

    Raises:
        ValueError: there is no reward function, or no verdict where one is read.
    """
    function_given = config.reward.custom_reward_function.path
    # A judge model, a reward manager or agent loops of one's own may score without verl's function.
    scored_elsewhere = not function_given and (
        config.reward.reward_model.enable
        or config.reward.reward_manager.source != "register"
        or config.actor_rollout_ref.rollout.agent.agent_loop_config_path
    )
    row = None if scored_elsewhere else first_training_row(config)
    if row is None:
        return None
    function = load_reward(config)
    try:
        result = call_reward(function, row["data_source"], "", row["reward_model"]["ground_truth"], row.get("extra_info"))
    except NotImplementedError:
        raise ValueError(
            f"verl has no reward function for data_source {row['data_source']!r} of {_first_file(config)}; set "
            "reward.custom_reward_function.path and .name"
        ) from None
    except Exception as error:
        # It may need what only a reward worker has, a judge model for example.
        warnings.warn(
            f"the reward function could not be tried on an empty answer: {type(error).__name__}: {error}", stacklevel=1
        )
        return None
    groups = config.algorithm.get("filter_groups")
    filters = bool(groups and groups.enable and groups.metric == "acc")
    # A plain number is taken by verl as both reward and verdict.
    if (method.needs_verdict or filters) and isinstance(result, dict) and "acc" not in result:
        reader = method.name if method.needs_verdict else "algorithm.filter_groups"
        raise ValueError(
            f"the reward function returns {', '.join(sorted(result))} but no 'acc', the verifier's verdict, which {reader} "
            "reads: return a dict with 'score' and 'acc' (0 or 1)"
        )
    return result


def first_training_row(config: DictConfig) -> dict | None:
    """The first row of the first training file; None if it is not local parquet or a class of the user's reads it."""
    file = _first_file(config)
    if not file.endswith(".parquet") or not os.path.isfile(file) or config.data.custom_cls.path:
        return None
    import pyarrow.parquet as parquet

    batch = next(parquet.ParquetFile(file).iter_batches(batch_size=1), None)
    return batch.to_pylist()[0] if batch else None


def _first_file(config: DictConfig) -> str:
    files = config.data.train_files
    return os.path.expanduser(str(files[0] if isinstance(files, ListConfig) else files))
