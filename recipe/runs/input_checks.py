"""Checks of what a run begins with, each ending in one sentence: model folder and checkpoints."""

from __future__ import annotations

import os
import re

from omegaconf import DictConfig

from recipe.runs.checkpoints import newest_complete
from recipe.runs.digests import damage
from recipe.runs.saved_ranks import check_ranks
from verl_patches.names import CHECKPOINT_FOLDER

_CHECKPOINT = re.compile(CHECKPOINT_FOLDER.format(r"\d+"))


def check_progress(config: DictConfig) -> None:
    """Raise ValueError if the run would resume at or past its last step, where verl would start everything and exit 0.

    Also if there are checkpoints, but none is complete, for a `resume_from_path` that is no checkpoint, and for a checkpoint
    that the run's ranks cannot read.
    """
    trainer = config.trainer
    if trainer.resume_mode == "resume_path":
        path = trainer.resume_from_path
        if path is None or not os.path.isdir(path):
            raise ValueError(
                f"trainer.resume_from_path is {path}, which is not a folder; give a checkpoint folder global_step_<n>, or set "
                "trainer.resume_mode=auto"
            )
        if not _CHECKPOINT.fullmatch(os.path.basename(path)):
            raise ValueError(
                f"trainer.resume_from_path is {path}; verl takes the step from its name, which must be global_step_<n>"
            )
        check_ranks(config, path)
    if trainer.resume_mode != "auto":
        return
    folder, _ = newest_complete(trainer.default_local_dir)
    if folder:
        check_ranks(config, folder)
    if trainer.val_only:
        return
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


def check_model(config: DictConfig) -> None:
    """Raise ValueError for a path that is neither a model folder nor, where nothing is downloaded, in the hub's cache."""
    path = config.actor_rollout_ref.model.path
    if "://" in path:
        return
    if os.path.isabs(path):
        if not os.path.isfile(os.path.join(path, "config.json")):
            raise ValueError(
                f"actor_rollout_ref.model.path is {path}, where there is no config.json; give a Hugging Face model folder, or "
                "a name on its hub, org/name"
            )
    elif os.environ.get("HF_HUB_OFFLINE") == "1" and cached_folder(path) is None:
        raise ValueError(
            f"actor_rollout_ref.model.path is {path}, which is no folder here and not in the Hugging Face cache, and "
            f"HF_HUB_OFFLINE=1 forbids to download it; hf download {path} first, or give a folder"
        )


def cached_folder(name: str) -> str | None:
    """Folder of a name on the hub in this machine's cache; None if it is not there. No network.

    Raises:
        ValueError: no possible name.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return snapshot_download(name, local_files_only=True)
    except LocalEntryNotFoundError:
        return None
    except HFValidationError:
        raise ValueError(f"actor_rollout_ref.model.path is {name}, which is neither a folder nor a hub id org/name") from None
