"""`make demo`: make a tiny model and its data, train it on CPU through verl's real driver, and show what came out.

    python launch/demo/run.py [--recipe htpo|hapo] [--run-dir DIR] [key=value ...]

Run again after it was killed, it resumes from its last checkpoint. Exits 1 if validation accuracy did not double.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from omegaconf import OmegaConf
from tqdm import tqdm

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from recipe.files.whole import written_whole  # noqa: E402
from recipe.hapo.metrics import SIDES  # noqa: E402
from recipe.htpo.settings import GROUPS  # noqa: E402
from recipe.runs.run_folder import read_metrics  # noqa: E402
from recipe.runs.stopping import RUN_AGAIN  # noqa: E402

ACCURACY = "val-core/single_digit_sum/acc/mean@1"
REWARD = "critic/score/mean"
# Metrics that the closing table shows of each recipe, beside reward and accuracy.
SHOWN = {
    "htpo": [f"htpo/{name}/token_share" for name in GROUPS],
    "hapo": [f"hapo/{side}/{kind}_share" for side in SIDES for kind in ("token", "redistributed", "outside_clip")],
}


def make_inputs(run_dir: Path) -> None:
    """Model and data, unless they are there; a folder is renamed into place when it is complete."""
    for script, name in (("make_model.py", "model"), ("make_data.py", "data")):
        if not (run_dir / name).exists():
            with written_whole(run_dir / name) as new:
                subprocess.run([sys.executable, HERE / script, new], check=True)


def training_command(recipe: str, run_dir: Path, overrides: list[str]) -> list[str]:
    """The command a user would type; only paths are added to the two presets."""
    return [
        *(sys.executable, "-m", f"recipe.{recipe}.main", "+platform=cpu", "+experiment=demo"),
        f"actor_rollout_ref.model.path={run_dir}/model",
        f"data.train_files={run_dir}/data/train.parquet",
        f"data.val_files={run_dir}/data/val.parquet",
        f"reward.custom_reward_function.path={HERE}/reward.py",
        f"trainer.default_local_dir={run_dir}/checkpoints",
        f"trainer.experiment_name={run_dir.name}",
        f"hydra.run.dir={run_dir}/hydra",
        *overrides,
    ]


def total_steps(overrides: list[str]) -> int:
    """How many steps the run will have: the last override, or what the preset says."""
    given = [value for key, _, value in (o.partition("=") for o in overrides) if key == "trainer.total_training_steps"]
    preset = OmegaConf.load(ROOT / "recipe/runs/config/experiment/demo.yaml")
    return int(given[-1]) if given else preset.trainer.total_training_steps


def die_with_parent() -> None:
    """Ask Linux to end this process when its parent is killed, so that a second demo never meets the first one's rest.

    SIGTERM would let it finish its step and save.
    """
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def train(command: list[str], run_dir: Path, total_steps: int) -> int:
    """Run the command with its output in train.log, and a progress bar made from the metrics. Returns its exit status."""
    environment = os.environ | {
        "RAY_ADDRESS": "local",  # a cluster of its own, whatever else runs on this machine
        "TENSORBOARD_DIR": str(run_dir / "tensorboard"),
    }
    log = run_dir / "train.log"
    with log.open("a") as output, tqdm(total=total_steps, unit="step", desc="starting Ray, FSDP and vLLM") as bar:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, preexec_fn=die_with_parent
        )
        try:
            while process.poll() is None:
                time.sleep(1)
                show_progress(bar, read_metrics(run_dir))
        except BaseException:
            process.terminate()
            process.wait()
            raise
        show_progress(bar, read_metrics(run_dir))
    if process.returncode == RUN_AGAIN:
        print("\nStopped as asked; the same command goes on.", file=sys.stderr)
    elif process.returncode:
        print(f"\nTraining failed (exit status {process.returncode}). The end of {log}:\n", file=sys.stderr)
        print("\n".join(log.read_text(errors="replace").splitlines()[-25:]), file=sys.stderr)
    return process.returncode


def show_progress(bar: tqdm, steps: dict[int, dict]) -> None:
    """Move the bar to the last finished step."""
    if not steps:
        bar.refresh()
        return
    bar.set_description("training")
    bar.n = max(steps)
    accuracies = [(step, data[ACCURACY]) for step, data in sorted(steps.items()) if ACCURACY in data]
    rewards = [data[REWARD] for _, data in sorted(steps.items()) if REWARD in data]
    bar.set_postfix(
        {"reward": f"{rewards[-1]:.2f}"} if rewards else {},
        **({f"accuracy@{accuracies[-1][0]}": f"{accuracies[-1][1]:.2f}"} if accuracies else {}),
    )


def report(recipe: str, run_dir: Path, steps: dict[int, dict], seconds: float | None) -> bool:
    """Print the closing table; True if validation accuracy at least doubled."""
    trained = [step for step in sorted(steps) if REWARD in steps[step]]
    first, last = trained[0], trained[-1]
    accuracies = [steps[step][ACCURACY] for step in sorted(steps) if ACCURACY in steps[step]]
    if not accuracies:
        print("No validation was run.", file=sys.stderr)
        return False
    before, after = accuracies[0], accuracies[-1]
    print(f"\n{'':38}{'start':>10}{'end':>10}")
    print(f"{'mean reward':38}{steps[first][REWARD]:>10.2f}{steps[last][REWARD]:>10.2f}")
    print(f"{'validation accuracy':38}{before:>10.2f}{after:>10.2f}\n")
    for name in SHOWN[recipe]:
        start, end = (steps[step].get(name, float("nan")) for step in (first, last))  # an empty group has some shares only
        print(f"{name:38}{start:>10.1%}{end:>10.1%}")
    step_seconds = sorted(steps[s]["timing_s/step"] for s in trained)
    total = f", {seconds:.0f} s with the start" if seconds else ""
    print(f"\n{len(trained)} steps, median {step_seconds[len(step_seconds) // 2]:.1f} s a step{total}")
    print(f"checkpoint  {run_dir}/checkpoints/global_step_{last}")
    print(f"log         {run_dir}/train.log")
    print(f"metrics     {run_dir}/metrics-*.jsonl, {run_dir}/tensorboard")
    return after > 0 and after >= 2 * before


def main() -> int:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", choices=SHOWN, default="htpo")
    parser.add_argument("--run-dir", type=Path, default=None, help="default: runs/demo-<recipe>")
    parser.add_argument("overrides", nargs="*", help="any key=value of the training config")
    args = parser.parse_args()
    run_dir = (args.run_dir or ROOT / "runs" / f"demo-{args.recipe}").resolve()
    run_dir.mkdir(parents=True, exist_ok=True)

    start = time.monotonic()
    make_inputs(run_dir)
    total = total_steps(args.overrides)
    seconds = None
    if max(read_metrics(run_dir), default=0) >= total:
        print(f"{run_dir} is trained already; remove it to start anew.")
    else:
        if status := train(training_command(args.recipe, run_dir, args.overrides), run_dir, total):
            return status
        seconds = time.monotonic() - start
    if not report(args.recipe, run_dir, read_metrics(run_dir), seconds):
        print("\nValidation accuracy did not double: something is wrong.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
