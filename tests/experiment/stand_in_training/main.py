"""A stand-in for a training run, with a run's arguments, files and exit statuses: a step is a tenth of a second.

It goes on from its last step, answers SIGTERM with 85, and keeps a line of each step of all of its starts in steps.log.
"""

import json
import signal
import time
from pathlib import Path

from tests.experiment.given import given as arguments

STEP_S = 0.1


def main() -> int:
    given = arguments()
    checkpoints = Path(given["trainer.default_local_dir"])
    checkpoints.mkdir(parents=True, exist_ok=True)
    asked = []
    signal.signal(signal.SIGTERM, lambda *_: asked.append(1))
    tracker = checkpoints / "latest_checkpointed_iteration.txt"
    done = int(tracker.read_text()) if tracker.exists() else 0
    config = checkpoints.parent / "hydra/.hydra/config.yaml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text("trainer: {nnodes: 2, n_gpus_per_node: 4, device: cuda}\n")
    metrics = checkpoints.parent / f"metrics-{len(list(checkpoints.parent.glob('metrics-*'))):03d}.jsonl"
    for step in range(done + 1, int(given["trainer.total_training_steps"]) + 1):
        time.sleep(STEP_S)
        with metrics.open("a") as lines:
            lines.write(json.dumps({"step": step, "data": {"timing_s/step": 90.0}}) + "\n")
        with (checkpoints.parent / "steps.log").open("a") as lines:
            lines.write(f"{step}\n")
        (checkpoints / "skill.json").write_text(json.dumps({"skill": given.get("skill"), "seed": given["data.seed"]}))
        tracker.write_text(str(step))
        if asked:
            return 85
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
