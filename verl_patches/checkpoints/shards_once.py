"""Under hybrid sharding each shard is written once, not once for each replica.

Wrong upstream: `FSDPCheckpointManager.save_checkpoint` (verl 0.9.1) lets every rank write its shard of the model and of the
optimizer, also where `fsdp_size` is smaller than the world and the ranks of all replicas hold the same ones: on 4 x 8 GPUs with
`fsdp_size=8` a checkpoint of an 8B model is 786 GB, 98 GB of which differ. Here the first replica writes; the files of the
others, which verl looks for by their rank when it loads, are relative links to its.

Patches one method in the training ranks, for FSDP2. Stock verl loads such a checkpoint, and its merger reads the first replica.
"""

from __future__ import annotations

import functools
import os
import time
from pathlib import Path

import torch

_STATES = {"model": "model", "optimizer": "optim"}  # verl's name in `save_contents`, and of the file
VISIBLE_S = 30.0  # how long a file of another node may take to be seen on a shared file system


def writer(model: torch.nn.Module) -> int | None:
    """The rank that holds the same shards in the first replica; None without hybrid sharding."""
    mesh = getattr(next(model.parameters()), "device_mesh", None)
    if mesh is None or mesh.ndim != 2:
        return None
    return int(mesh.mesh[0, mesh.get_local_rank(1)])


def link(path: Path, name: str) -> bool:
    """Make `path` a link to a file beside it. False if that is not seen here, or the file system has no links."""
    deadline = time.monotonic() + VISIBLE_S
    while not path.with_name(name).is_file():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    new = path.with_name(f"{path.name}.link")
    try:
        new.unlink(missing_ok=True)
        new.symlink_to(name)
        new.replace(path)
    except OSError:
        return False
    return True


def apply() -> None:
    """Patch verl's checkpoint manager in this process, once."""
    from verl.utils.checkpoint.fsdp_checkpoint_manager import FSDPCheckpointManager as target

    original = target.save_checkpoint
    if hasattr(original, "__wrapped__"):
        return

    @functools.wraps(original)
    def save_checkpoint(self, local_path, *args, **kwargs):
        if local_path is None:
            return original(self, local_path, *args, **kwargs)
        first = writer(self.model)
        contents = list(self.checkpoint_save_contents)
        linked = [state for state in _STATES if state in contents and first not in (None, self.rank)]

        def file(state: str, rank: int) -> str:
            return f"{_STATES[state]}_world_size_{self.world_size}_rank_{rank}.pt"

        for state in _STATES:  # of an earlier attempt at this step; verl would write through it
            own = os.path.join(local_path, file(state, self.rank))
            if os.path.islink(own):
                os.unlink(own)
        self.checkpoint_save_contents = [state for state in contents if state not in linked]
        try:
            result = original(self, local_path, *args, **kwargs)  # ends with a barrier
        finally:
            self.checkpoint_save_contents = contents
        for state in linked:
            own = Path(local_path, file(state, self.rank))
            if not link(own, file(state, first)):
                torch.save(getattr(self, state).state_dict(), own)
        return result

    target.save_checkpoint = save_checkpoint
