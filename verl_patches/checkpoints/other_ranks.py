"""A checkpoint of another number of ranks, or of another `fsdp_size`, is loaded: each rank reads its part of all shards.

Wrong upstream: `FSDPCheckpointManager.load_checkpoint` (verl 0.9.1) opens the file that has this rank's number and this world
size in its name. A run that goes on with more or fewer GPUs finds none; with the same number and another `fsdp_size` it finds
one with other parts of the tensors in it.

Patches one method in the training ranks, for FSDP2, whose shards are plain slices of named tensors. Weights and the
optimizer's moments are the saved ones to the last bit, the learning rate's schedule goes on; a rank has the saved random state
of its number, if there was one. No file is written, and of the shards, which are mapped and not read as a whole, a rank reads
its own part.
"""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.distributed.tensor import DTensor


def read(file: Path) -> dict[str, Any]:
    """A rank's file, its tensors mapped; without torch's warning, once a tensor, that the mesh of other ranks has no groups."""
    logger = logging.getLogger("torch.distributed.device_mesh")
    before, logger.disabled = logger.disabled, True
    try:
        return torch.load(file, map_location="cpu", mmap=True, weights_only=False)
    finally:
        logger.disabled = before


def shard_ranks(states: dict[str, Any]) -> list[list[int]]:
    """Ranks of a state's device mesh `[replicas, shards]`."""
    mesh = next((value.device_mesh.mesh for value in states.values() if isinstance(value, DTensor)), torch.tensor([0]))
    return mesh.reshape(-1, mesh.shape[-1]).tolist()


def part(pieces: Sequence[torch.Tensor], dim: int, start: int, length: int) -> torch.Tensor:
    """`length` slices from `start` on, along `dim`, of the tensor that `pieces` one after the other are; a copy."""
    found = []
    for piece in pieces:
        first, last = max(start, 0), min(start + length, piece.shape[dim])
        if first < last:
            found.append(piece.narrow(dim, first, last - first))
        start -= piece.shape[dim]
    return torch.cat(found, dim) if found else pieces[0].narrow(dim, 0, 0).clone()


def reshard(saved: Sequence[Any], like: torch.Tensor) -> Any:
    """What a rank keeps of a tensor, from all ranks' shards of it in their order; sharded as `like`, a parameter of the rank.

    Raises:
        ValueError: the tensor has another shape.
    """
    first = saved[0]
    if not isinstance(first, DTensor):
        return first  # every rank has the same: Adam's number of steps, a buffer
    if first.shape != like.shape:
        raise ValueError(f"a tensor has shape {list(first.shape)} in the checkpoint and {list(like.shape)} in the model")
    pieces, dim = [value.to_local() for value in saved], first.placements[-1].dim
    mesh, placement = like.device_mesh, like.placements[-1]
    whole, shards = like.shape[placement.dim], mesh.shape[-1]
    size = -(-whole // shards)  # of each but the last ones, as torch.chunk has it
    start = min(mesh.get_local_rank(mesh.ndim - 1) * size, whole)
    assert dim == placement.dim, (dim, placement)
    local = part(pieces, dim, start, min(size, whole - start))
    return DTensor.from_local(
        local.to(like.device), mesh, like.placements, run_check=False, shape=like.shape, stride=like.stride()
    )


def load(manager, folder: Path, world_size: int, ranks: Sequence[int]) -> None:
    """Load what verl's `load_checkpoint` loads, from the files of these ranks of another run of `world_size` ranks."""

    def states(name: str) -> list[dict[str, Any]]:
        return [read(folder / f"{name}_world_size_{world_size}_rank_{rank}.pt") for rank in ranks]

    if manager.should_load_model:
        saved, own = states("model"), manager.model.state_dict()
        lora_only = manager.is_lora_only_state_dict(saved[0])
        model = {name: reshard([state[name] for state in saved], own[name]) for name in saved[0] if name in own}
        model |= {name: value for name, value in saved[0].items() if name not in own}  # torch refuses them by name
        manager.model.load_state_dict(model, strict=not lora_only)
    if manager.should_load_optimizer:
        saved = states("optim")
        parameters = [p for group in manager.optimizer.param_groups for p in group["params"]]
        moments = {
            index: {name: reshard([state["state"][index][name] for state in saved], parameters[index]) for name in values}
            for index, values in saved[0]["state"].items()
        }
        manager.optimizer.load_state_dict({"state": moments, "param_groups": saved[0]["param_groups"]})
    if manager.should_load_extra:
        same = manager.rank if manager.rank < world_size else 0
        extra = torch.load(folder / f"extra_state_world_size_{world_size}_rank_{same}.pt", weights_only=False)
        if same == manager.rank and "rng" in extra:
            manager.load_rng_state(extra["rng"])
        if manager.lr_scheduler is not None and extra["lr_scheduler"] is not None:
            manager.lr_scheduler.load_state_dict(extra["lr_scheduler"])


def apply() -> None:
    """Patch verl's checkpoint manager in this process, once."""
    from verl.utils.checkpoint.fsdp_checkpoint_manager import FSDPCheckpointManager as target
    from verl.utils.fsdp_utils import fsdp_version

    original = target.load_checkpoint
    if hasattr(original, "of_other_ranks"):
        return

    @functools.wraps(original)
    def load_checkpoint(self, local_path, *args, **kwargs):
        written = Path(local_path or "", "fsdp_config.json")
        if local_path is None or fsdp_version(self.model) != 2 or not written.is_file():
            return original(self, local_path, *args, **kwargs)
        world_size = json.loads(written.read_text())["world_size"]
        first = Path(local_path, f"model_world_size_{world_size}_rank_0.pt")
        saved = shard_ranks(read(first)) if first.is_file() else None
        if saved is None or saved == shard_ranks(dict(self.model.named_parameters())):
            return original(self, local_path, *args, **kwargs)
        load(self, Path(local_path), world_size, saved[0])
        torch.distributed.barrier()
        if self.rank == 0:
            print(f"loaded the checkpoint of {world_size} ranks in {local_path} on {self.world_size}", flush=True)
        return None

    load_checkpoint.of_other_ranks = True
    target.load_checkpoint = load_checkpoint
