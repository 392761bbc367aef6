"""One process that trains, saves, and goes on with another learning rate: `<model> <folder>`."""

import pickle
import sys
from pathlib import Path

from tests.token_level.actor_update import Update, computing_in, prepared
from verl_patches import checkpoints


def main():
    model, folder = sys.argv[1:]
    found = {}
    with computing_in(Update().dtype):
        for name, rate in (("saved", 1e-3), ("loaded", 2e-4)):
            worker, data = prepared(model, Update(overrides=(f"actor_rollout_ref.actor.optim.lr={rate}",)))[:2]
            checkpoints.apply()
            if name == "saved":
                worker.update_actor(data.copy())
                worker.save_checkpoint(f"{folder}/checkpoint", global_step=1)
            else:
                worker.load_checkpoint(f"{folder}/checkpoint")
            found[name] = worker.actor.engine.optimizer.param_groups[0]["lr"]
        worker.update_actor(data.copy())
        found["trained"] = worker.actor.engine.lr_scheduler.get_last_lr()[0]
    Path(folder, "found.pkl").write_bytes(pickle.dumps(found))


if __name__ == "__main__":
    main()
