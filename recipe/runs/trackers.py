"""Experiment trackers over all attempts of a run: one run at W&B and one TensorBoard curve, however often it is resumed.

verl starts a new W&B run each time (verl#2783) and writes TensorBoard's files into the trainer's working folder, where a
resumed run draws the steps that are trained again over those that were thrown away.
"""

from __future__ import annotations

import os
import secrets
from typing import Any

from recipe.files.whole import written_whole
from recipe.runs.run_folder import run_folder

WANDB_ID = "wandb_run_id"  # a file in the run's folder


def keep_trackers(config) -> None:
    """Set the variables that W&B and TensorBoard read, where the user has not: their place is the run's folder.

    The id of the W&B run is kept there and used again, but not where `trainer.resume_mode=disable` starts another run.
    """
    folder, loggers = run_folder(config), config.trainer.logger
    folder.mkdir(parents=True, exist_ok=True)
    if "tensorboard" in loggers:
        os.environ.setdefault("TENSORBOARD_DIR", str(folder / "tensorboard"))
    if "wandb" in loggers:
        os.environ.setdefault("WANDB_DIR", str(folder))
        if not os.environ.get("WANDB_RUN_ID"):
            file = folder / WANDB_ID
            if config.trainer.resume_mode == "disable" or not file.exists():
                with written_whole(file) as new:
                    new.write_text(secrets.token_hex(4))  # in the form of W&B's own
            os.environ["WANDB_RUN_ID"] = file.read_text().strip()
            os.environ.setdefault("WANDB_RESUME", "allow")


def continue_tensorboard(backends: dict[str, Any], step: int) -> None:
    """Let TensorBoard drop what an earlier attempt wrote after the step that this one resumes from.

    backends: verl's loggers by name. step: the last one that is trained; 0 if the run begins.
    """
    if "tensorboard" not in backends:
        return
    from torch.utils.tensorboard import SummaryWriter

    adapter = backends["tensorboard"]
    adapter.writer.close()
    adapter.writer = SummaryWriter(adapter.writer.log_dir, purge_step=step + 1 if step else 0)
