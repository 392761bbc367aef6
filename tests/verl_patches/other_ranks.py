"""A rank that trains and saves, or loads what other ranks saved, and goes on: `<model> <folder> <name> <fsdp_size> <saver>`."""

import pickle
import sys
from pathlib import Path

import torch

from tests.token_level.actor_update import ROWS, Update, computing_in, prepared
from verl_patches import checkpoints

SETTINGS = {
    "all weights": (),
    "LoRA": ("actor_rollout_ref.model.lora_rank=4", "actor_rollout_ref.model.lora_alpha=8"),
}


def full(value):
    return (value.full_tensor() if hasattr(value, "full_tensor") else value).detach().clone()


def state(worker):
    """Weights and the optimizer's moments, in full, and the schedule's step."""
    engine = worker.actor.engine
    weights = {name: full(p) for name, p in engine.module.named_parameters()}
    moments = {
        f"{index} {name}": full(value)
        for index, values in engine.optimizer.state_dict()["state"].items()
        for name, value in values.items()
    }
    return {"weights": weights, "moments": moments, "schedule": engine.lr_scheduler.state_dict()["last_epoch"]}


def go_on(model, overrides, checkpoint, saver):
    """Three updates and a checkpoint before the last one; or, of a `saver`, its checkpoint and one update."""
    optim = ("actor_rollout_ref.actor.optim.lr=1e-3", "actor_rollout_ref.actor.optim.lr_warmup_steps=4")
    worker, data, _ = prepared(model, Update(overrides=(*optim, *overrides)))
    checkpoints.apply()  # as a loss does that arrives in a rank
    if saver:
        worker.load_checkpoint(checkpoint)
    else:
        for _ in range(2):
            worker.update_actor(data.copy())
        worker.save_checkpoint(checkpoint, global_step=1)
    found = {"at the checkpoint": state(worker)}
    if ROWS % torch.distributed.get_world_size() == 0:
        worker.update_actor(data.copy())
        found["after the next update"] = state(worker)
    return found


def main():
    model, folder, name, fsdp_size, saver = sys.argv[1:]
    size = f"actor_rollout_ref.actor.fsdp_config.fsdp_size={fsdp_size}"
    with computing_in(Update().dtype):
        found = {
            setting: go_on(model, (size, *overrides), f"{folder}/{saver or name}/{setting}", saver)
            for setting, overrides in SETTINGS.items()
        }
    if torch.distributed.get_rank() == 0:
        Path(folder, f"{name}.pkl").write_bytes(pickle.dumps(found))
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
