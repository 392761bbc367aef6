"""Whether a run can go on from what other ranks, or another engine, saved: seen before Ray starts."""

from __future__ import annotations

import json
from pathlib import Path

from omegaconf import DictConfig

_FSDP = {"fsdp": 1, "fsdp2": 2}  # actor.strategy: version in fsdp_config.json


def check_ranks(config: DictConfig, folder: str | Path) -> str:
    """What happens to a checkpoint of another number of ranks, in words; empty for one of the same number.

    FSDP2's are read by any number of ranks (verl_patches/checkpoints/other_ranks.py), Megatron's are left to Megatron.

    Raises:
        ValueError: the checkpoint is another engine's, or FSDP1's of another number of ranks; with the way out.
    """
    actor, strategy = Path(folder, "actor"), config.actor_rollout_ref.actor.strategy
    ranks = config.trainer.nnodes * config.trainer.n_gpus_per_node
    written = actor / "fsdp_config.json"
    if written.is_file():
        saved = json.loads(written.read_text())
        version, saved_ranks = saved["FSDP_version"], saved["world_size"]
        if version == _FSDP.get(strategy) and (version == 2 or saved_ranks == ranks):
            return "" if saved_ranks == ranks else f"number of ranks: {saved_ranks} saved it, {ranks} load it"
        by, backend = f"FSDP{version} on {saved_ranks} ranks", "fsdp"
    elif (actor / "model").is_dir() and strategy in _FSDP:
        by, backend = "Megatron", "megatron"
    else:
        return ""
    export = f"python -m verl.model_merger merge --backend {backend} --local_dir {actor} --target_dir MODEL"
    raise ValueError(
        f"the checkpoint {folder} was saved by {by}, and this run, {strategy} on {ranks} ranks, cannot read it; go on with "
        f"what saved it, or export its model, {export}, and start from it at step 0 with a new optimizer, by "
        "actor_rollout_ref.model.path=MODEL and another trainer.default_local_dir"
    )
