"""One of four processes that train and save, then load what other ranks saved and go on: `<model> <folder>`.

Process groups of other sizes follow each other in the same processes, which spares their imports.
"""

import os
import pickle
import sys
import time
from pathlib import Path

import torch

from recipe.files.whole import written_whole
from tests.token_level.actor_update import ROWS, Update, composed, computing_in, make_worker, prepared
from verl_patches import checkpoints

SAVED = {"1": (1, -1), "2 x 2": (4, 2)}  # ranks and fsdp_size
LOADED = {"1 on 2": (2, -1), "2 x 2 on 1": (1, -1), "2 x 2 on 4": (4, -1), "2 x 2 on 3": (3, -1)}
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
    update = Update(overrides=(*optim, *overrides))
    dealt = ROWS % int(os.environ["WORLD_SIZE"]) == 0  # to three ranks a batch is not
    worker, data = prepared(model, update)[:2] if dealt else (make_worker(composed(model, update), "actor", update.dtype), None)
    checkpoints.apply()  # as a loss does that arrives in a rank
    if saver:
        worker.load_checkpoint(checkpoint)
    else:
        for _ in range(2):
            worker.update_actor(data.copy())
        worker.save_checkpoint(checkpoint, global_step=1)
    found = {"at the checkpoint": state(worker)}
    if dealt:
        worker.update_actor(data.copy())
        found["after the next update"] = state(worker)
    return found


def in_turn(model, folder, name):
    """What the ranks of this name have to do; rank 0 writes what was found."""
    ranks, fsdp_size = (SAVED | LOADED)[name]
    size = f"actor_rollout_ref.actor.fsdp_config.fsdp_size={fsdp_size}"
    saver = name.partition(" on ")[0] if name in LOADED else ""
    os.environ.update(WORLD_SIZE=str(ranks), LOCAL_WORLD_SIZE=str(ranks))
    with computing_in(Update().dtype):
        found = {
            setting: go_on(model, (size, *overrides), f"{folder}/{saver or name}/{setting}", saver)
            for setting, overrides in SETTINGS.items()
        }
    torch.distributed.destroy_process_group()
    if os.environ["RANK"] == "0":
        with written_whole(Path(folder, f"{name}.pkl")) as new:
            new.write_bytes(pickle.dumps(found))


def main():
    model, folder = sys.argv[1:]
    port = int(os.environ["MASTER_PORT"])
    for turn, (name, (ranks, _)) in enumerate((SAVED | LOADED).items()):
        os.environ["MASTER_PORT"] = str(port + turn)
        if int(os.environ["RANK"]) < ranks:
            in_turn(model, folder, name)
        while not Path(folder, f"{name}.pkl").exists():
            time.sleep(0.1)


if __name__ == "__main__":
    main()
