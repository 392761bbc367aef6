"""A rank that trains under hybrid sharding, saves, loads into another worker and goes on: `<model> <folder>`."""

import pickle
import sys
from pathlib import Path

import torch

from tests.token_level.actor_update import Update, computing_in, prepared
from verl_patches import checkpoints

SETTING = Update(overrides=("actor_rollout_ref.actor.fsdp_config.fsdp_size=2", "actor_rollout_ref.actor.optim.lr=1e-3"))


def weights(worker):
    return {name: p.detach().full_tensor().clone() for name, p in worker.actor.engine.module.named_parameters()}


def main():
    model, folder = sys.argv[1:]
    with computing_in(SETTING.dtype):
        worker, data, _ = prepared(model, SETTING)
        checkpoints.apply()  # as a loss does that arrives in a rank
        start = weights(worker)
        worker.update_actor(data.copy())
        saved = weights(worker)
        for step in (1, 1):  # the second one over the first one's files
            worker.save_checkpoint(f"{folder}/checkpoint", global_step=step)
        worker.update_actor(data.copy())
        unbroken = weights(worker)

        again, data, _ = prepared(model, SETTING)
        again.load_checkpoint(f"{folder}/checkpoint")
        loaded = weights(again)
        again.update_actor(data.copy())
        resumed = weights(again)
    found = {"start": start, "saved": saved, "unbroken": unbroken, "loaded": loaded, "resumed": resumed}
    Path(folder, f"rank-{torch.distributed.get_rank()}.pkl").write_bytes(pickle.dumps(found))
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
