"""One run at a time in a checkpoint folder: two would save over each other's checkpoints."""

from __future__ import annotations

import warnings
from contextlib import ExitStack
from pathlib import Path

from filelock import FileLock, Timeout
from omegaconf import DictConfig

NAME = "in_use.lock"
PATIENCE_S = 10.0  # for a run that is ending


def take_folder(config: DictConfig, patience_s: float = PATIENCE_S) -> ExitStack:
    """Take the checkpoint folder for this process, until it closes what it gets here, or ends in whatever way.

    Raises:
        ValueError: another process, here or on a node that shares the folder, has it.
    """
    file = Path(config.trainer.default_local_dir) / NAME
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(file)
    try:
        lock.acquire(timeout=patience_s)
    except Timeout:
        raise ValueError(
            f"another run has trainer.default_local_dir={file.parent}; wait until it has ended, or give this one a folder of "
            f"its own (if none is alive, and the lock is left of a lost node: rm {file})"
        ) from None
    except (OSError, NotImplementedError) as error:
        warnings.warn(f"{file} cannot be locked ({error}); see to it that one run at a time has this folder", stacklevel=2)
        return ExitStack()
    held = ExitStack()
    held.callback(lock.release)
    return held
