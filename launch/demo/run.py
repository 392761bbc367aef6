"""`make demo`: make a tiny model and its data, train it on CPU through verl's real driver, and show what came out.

    python launch/demo/run.py [--recipe htpo|hapo|PACKAGE] [--run-dir DIR] [key=value ...]

A package of another method has, as `recipe.htpo` has, a module `main` and a module `method` with its `Method`.
Run again after it was killed, it resumes from its last checkpoint. Exits 1 if validation accuracy did not double in a run of
the full length.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from omegaconf import OmegaConf

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from launch.demo.progress import ACCURACY, REWARD, progress  # noqa: E402
from launch.recipes import package_of  # noqa: E402
from recipe.files.metrics import read_metrics  # noqa: E402
from recipe.files.whole import written_whole  # noqa: E402
from recipe.runs.stopping import RUN_AGAIN  # noqa: E402
from recipe.token_level.method import Method  # noqa: E402


def method_of(recipe: str) -> Method:
    """The method of a package. ImportError if there is no such package, LookupError if it has no `Method`."""
    module = importlib.import_module(f"{package_of(recipe)}.method")
    found = [value for value in vars(module).values() if isinstance(value, Method)]
    if not found:
        raise LookupError(f"{module.__name__} has no Method")
    return found[0]


def make_inputs(run_dir: Path) -> None:
    """Model and data, unless they are there; a folder is renamed into place when it is complete."""
    for script, name in (("make_model.py", "model"), ("make_data.py", "data")):
        if not (run_dir / name).exists():
            with written_whole(run_dir / name) as new:
                subprocess.run([sys.executable, HERE / script, new], check=True)


def training_command(recipe: str, run_dir: Path, overrides: list[str]) -> list[str]:
    """The command a user would type; only paths are added to the two presets."""
    return [
        *(sys.executable, "-m", f"{package_of(recipe)}.main", "+platform=cpu", "+experiment=demo"),
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
    """Run the command with its output in train.log, and show from the metrics how far it is. Returns its exit status."""
    environment = os.environ | {"RAY_ADDRESS": "local"}  # a cluster of its own, whatever else runs on this machine
    log = run_dir / "train.log"
    with log.open("a") as output, closing(progress(total_steps, read_metrics(run_dir))) as shown:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, preexec_fn=die_with_parent
        )
        try:
            while process.poll() is None:
                time.sleep(1)
                shown.show(read_metrics(run_dir))
        except BaseException:
            process.terminate()
            process.wait()
            raise
        shown.show(read_metrics(run_dir))
    if process.returncode == RUN_AGAIN:
        print("\nStopped as asked; the same command goes on.", file=sys.stderr)
    elif process.returncode:
        print(f"\nTraining failed (exit status {process.returncode}). The end of {log}:\n", file=sys.stderr)
        print("\n".join(log.read_text(errors="replace").splitlines()[-25:]), file=sys.stderr)
    return process.returncode


def report(method: Method, run_dir: Path, steps: dict[int, dict], seconds: float | None) -> bool:
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
    for name in method.display.summary_metrics:
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
    parser.add_argument("--recipe", default="htpo", help="htpo, hapo, or the package of a method of your own")
    parser.add_argument("--run-dir", type=Path, default=None, help="default: runs/demo-<method>")
    parser.add_argument("overrides", nargs="*", help="any key=value of the training config")
    args = parser.parse_args()
    try:
        method = method_of(args.recipe)
    except (ImportError, LookupError) as error:
        parser.error(f"--recipe {args.recipe}: {error}")
    run_dir = (args.run_dir or ROOT / "runs" / f"demo-{method.name}").resolve()
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
    doubled = report(method, run_dir, read_metrics(run_dir), seconds)
    if not doubled and total >= total_steps([]):  # a shorter run proves nothing
        print("\nValidation accuracy did not double: something is wrong.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
