"""What stands pickled in a checkpoint is loaded as data, never run.

Wrong upstream: verl 0.9.1 loads model, optimizer and extra state (`FSDPCheckpointManager.load_checkpoint`) and the dataloader's
state (`PPOTrainer._load_checkpoint`) by `torch.load(weights_only=False)`, so that whoever writes to a checkpoint folder runs
code on every node. Here torch's own switch for all calls, TORCH_FORCE_WEIGHTS_ONLY_LOAD, is on while verl loads, and what a
checkpoint has beside tensors is allowed by name.

Patches one method in the training ranks, `FSDPCheckpointManager.load_checkpoint`, for FSDP2. FSDP1's shards hold more than this
allows. TransferQueue restores the queue of the asynchronous modes by `pickle.load`, which has no such switch.
"""

from __future__ import annotations

import _codecs
import functools
import importlib
import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from torch.serialization import safe_globals

_SWITCH = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
# The state of NumPy's random generator. DTensor and its parts are allowed by torch.
_ALLOWED = [np._core.multiarray._reconstruct, np.ndarray, np.dtype, np.dtypes.UInt32DType, _codecs.encode]


@contextmanager
def weights_only(folder: str) -> Iterator[None]:
    """While verl loads a checkpoint from `folder`. ValueError for a type that is not allowed, which may be code."""
    importlib.import_module("torch.distributed.tensor")  # allows its own types
    before = os.environ.get(_SWITCH)
    os.environ[_SWITCH] = "1"
    try:
        with safe_globals(_ALLOWED):
            yield
    except pickle.UnpicklingError as error:
        if "GLOBAL" not in str(error):  # no file of torch's at all
            raise
        reason = " ".join(next((line for line in str(error).splitlines() if "rror:" in line), str(error)).split())
        raise ValueError(
            f"a file in {folder} holds what no checkpoint of tensors and numbers does, and it was not loaded, since it may run "
            f"code ({reason[:300]}); if it is your own, allow its type by torch.serialization.add_safe_globals in a module of "
            "VERL_USE_EXTERNAL_MODULES"
        ) from None
    finally:
        os.environ.pop(_SWITCH)
        if before is not None:
            os.environ[_SWITCH] = before


def apply() -> None:
    """Patch verl's checkpoint manager in this process, once."""
    from verl.utils.checkpoint.fsdp_checkpoint_manager import FSDPCheckpointManager as target
    from verl.utils.fsdp_utils import fsdp_version

    original = target.load_checkpoint
    if hasattr(original, "weights_only"):
        return

    @functools.wraps(original)
    def load_checkpoint(self, local_path, *args, **kwargs):
        if local_path is None or fsdp_version(self.model) != 2:
            return original(self, local_path, *args, **kwargs)
        with weights_only(local_path):
            return original(self, local_path, *args, **kwargs)

    load_checkpoint.weights_only = True
    target.load_checkpoint = load_checkpoint
