"""Layer c: HTPO, DAPO and HAPO train the demo's task on the real stack; HTPO is killed on the way and resumed."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
import traceback
from pathlib import Path

from benchmarks.acceptance.part import run
from launch.demo.inputs import make_inputs
from recipe.files.metrics import TIME, Steps, read_metrics
from verl_patches.weight_socket import sums

ROOT = Path(__file__).parents[2]
METHODS = {"HTPO": ("htpo", ()), "DAPO": ("htpo", ("objectives=dapo",)), "HAPO": ("hapo", ())}
ACCURACY = "val-core/single_digit_sum/acc/mean@1"
MEMORY = "actor/perf/max_memory_allocated_gb"
WAIT_S = 1200
# A GPU's settings in the demo's size; what +platform=cpu says otherwise.
ON_GPUS = (
    *("actor_rollout_ref.actor.strategy=fsdp2", "actor_rollout_ref.rollout.gpu_memory_utilization=0.3"),
    *("actor_rollout_ref.rollout.enforce_eager=False", "actor_rollout_ref.rollout.cudagraph_capture_sizes=[1,8,32,128,256]"),
    *("trainer.v1.sampler.poll_interval=0.2", "actor_rollout_ref.rollout.agent.num_workers=2", "reward.num_workers=2"),
)


def value_of(overrides: list[str], key: str, default: int) -> int:
    """Of the last override of the key."""
    return next((int(o.partition("=")[2]) for o in reversed(overrides) if o.partition("=")[0].lstrip("+") == key), default)


def command(method: str, options: dict, folder: Path) -> list[str]:
    """What a user would type; the batch is a multiple of the GPUs."""
    recipe, own = METHODS[method]
    if options["device"] == "cuda":
        import torch

        platform, here = ON_GPUS, torch.cuda.device_count()
    else:
        platform, here = ("+platform=cpu",), 1
    here = value_of(options["overrides"], "trainer.n_gpus_per_node", here)
    gpus = here * value_of(options["overrides"], "trainer.nnodes", 1)
    half = gpus * -(-16 // gpus)
    inputs = Path(options["folder"]) / "inputs"
    return [
        *(sys.executable, "-m", f"recipe.{recipe}.main", *platform, "+experiment=demo", *own),
        f"actor_rollout_ref.model.path={inputs}/model",
        *(f"data.{name}_files={inputs}/data/{name}.parquet" for name in ("train", "val")),
        f"reward.custom_reward_function.path={ROOT}/launch/demo/reward.py",
        *(f"trainer.default_local_dir={folder}/checkpoints", f"hydra.run.dir={folder}/hydra"),
        *(f"trainer.n_gpus_per_node={here}", f"data.train_batch_size={2 * half}", "trainer.logger=[console,file]"),
        *(f"actor_rollout_ref.actor.ppo_mini_batch_size={half}", f"trainer.total_training_steps={options['steps']}"),
        *(
            f"trainer.save_freq={options['steps'] // 2}",
            f"trainer.test_freq={options['steps']}",
            "trainer.val_before_train=False",
        ),
        *options["overrides"],
    ]


def start(command: list[str], folder: Path) -> subprocess.Popen:
    """In a session of its own; with a Ray cluster of its own, unless the launcher has made one."""
    environment = os.environ | {"RAY_ADDRESS": os.environ.get("RAY_ADDRESS", "local"), sums.FOLDER: str(folder / "weights")}
    with (folder / "log.txt").open("a") as log:
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )


def wait(process: subprocess.Popen, folder: Path, until=lambda: False) -> None:
    """Until the condition holds or the run has ended well; RuntimeError with the log's end otherwise."""
    deadline = time.monotonic() + WAIT_S
    while process.poll() is None and not until():
        if time.monotonic() > deadline:
            os.killpg(process.pid, signal.SIGKILL)
            raise RuntimeError(f"not over after {WAIT_S} s; see {folder}/log.txt")
        time.sleep(0.5)
    if process.poll():
        end = "\n".join((folder / "log.txt").read_text(errors="replace").splitlines()[-25:])
        raise RuntimeError(f"{end}\nended with status {process.returncode}; see {folder}/log.txt")


def train(method: str, options: dict, kill: bool) -> tuple[Steps, Path, int | None]:
    """The run's metrics, its folder, and the step that it went on with if it was killed."""
    folder = Path(options["folder"]) / method.lower()
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "weights").mkdir(parents=True)
    line, went_on = command(method, options, folder), None
    process = start(line, folder)
    if kill:
        saved = options["steps"] // 2
        wait(process, folder, lambda: saved + 1 in read_metrics(folder))
        if process.poll() is not None:
            raise RuntimeError("the run ended before it could be killed")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        before = set(folder.glob("metrics-*.jsonl"))
        process = start(line, folder)
        wait(process, folder)
        new = set(folder.glob("metrics-*.jsonl")) - before
        went_on = min(json.loads(entry)["step"] for entry in min(new).read_text().splitlines()) - saved
    wait(process, folder)
    return read_metrics(folder), folder, went_on


def measured(method: str, steps: Steps, folder: Path) -> dict[str, float | str]:
    """Of one run."""
    trained = [data for data in steps.values() if TIME in data]
    print(f"{method}: {len(trained)} steps, median {statistics.median(data[TIME] for data in trained):.2f} s", flush=True)
    return {
        f"c/{method}/accuracy": [data[ACCURACY] for data in steps.values() if ACCURACY in data][-1],
        f"c/{method}/mean_mismatch": max(data["training/rollout_probs_diff_mean"] for data in trained),
        f"c/{method}/max_mismatch": max(data["training/rollout_probs_diff_max"] for data in trained),
        f"c/{method}/weights": sums.distance(folder / "weights"),
    }


def memory_over_estimate(options: dict, steps: Steps, folder: Path) -> float | str:
    """The most that torch had allocated on a rank's GPU, over preflight's estimate of training."""
    most = max(data[MEMORY] for data in steps.values() if TIME in data)
    if options["device"] != "cuda":
        return "counted on CUDA only"
    line = command("HTPO", options, folder)
    line[line.index("recipe.htpo.main")] = "recipe.htpo.preflight"
    seen = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=600)
    found = re.search(r"training ([\d.]+) (MiB|GiB)", " ".join(seen.stdout.split()))
    if not found:
        return f"preflight has no estimate (status {seen.returncode})"
    estimate = float(found[1]) / (1024 if found[2] == "MiB" else 1)
    return most / estimate


def measure(options: dict, put) -> None:
    """All of the part; a method that breaks is said at once, and at the end, so that the others are measured, too."""
    make_inputs(Path(options["folder"]) / "inputs")
    medians, broken = {}, []
    for method in METHODS:
        try:
            steps, folder, went_on = train(method, options, kill=method == "HTPO")
            medians[method] = statistics.median(data[TIME] for data in list(steps.values())[1:] if TIME in data)
            put(measured(method, steps, folder))
            if went_on is not None:
                put({"c/resumed": went_on, "c/memory": memory_over_estimate(options, steps, folder)})
        except Exception:
            traceback.print_exc()
            broken.append(method)
    for name, method in (("c/step", "HTPO"), ("c/hapo_step", "HAPO")):
        if {method, "DAPO"} <= set(medians):
            put({name: medians[method] / medians["DAPO"]})
    if broken:
        raise RuntimeError(f"{', '.join(broken)}: not measured to the end; the reason is above")


if __name__ == "__main__":
    run(measure)
