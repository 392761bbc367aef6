"""`make demo`: make a tiny model and its data, train it on CPU through verl's real driver, and show what came out.

    python launch/demo/run.py [--recipe htpo|hapo|PACKAGE] [--run-dir DIR] [key=value ...]

A package of another method has, as `recipe.htpo` has, a module `main` and a module `method` with its `Method`.
Run again after it was stopped or killed, it resumes from its last checkpoint. Exits 1 if validation accuracy never doubled in
a run of the full length, 2 with one sentence if something is wrong with what was given.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
import time
from pathlib import Path

from filelock import FileLock, Timeout
from omegaconf import DictConfig, OmegaConf

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from launch import recipes  # noqa: E402
from launch.demo.inputs import make_inputs  # noqa: E402
from launch.demo.progress import ACCURACY, REWARD  # noqa: E402
from launch.demo.training import train  # noqa: E402
from recipe.files.metrics import read_metrics  # noqa: E402
from recipe.runs.checkpoints import newest_complete  # noqa: E402
from recipe.runs.commands import compose  # noqa: E402
from recipe.runs.run_folder import run_folder  # noqa: E402
from recipe.runs.trained_with import check_settings  # noqa: E402
from recipe.runs.value_checks import check_values, leaves  # noqa: E402
from recipe.text.visible import visible  # noqa: E402
from recipe.token_level.method import Method  # noqa: E402

PRESETS = ("+platform=cpu", "+experiment=demo")
STEPS = OmegaConf.load(ROOT / "recipe/runs/config/experiment/demo.yaml").trainer.total_training_steps


def method_of(recipe: str) -> Method:
    """The method of a package. ValueError if there is no such package, or it has no `Method`."""
    name = f"{recipes.package_of(recipe)}.method"
    try:
        module = importlib.import_module(name)
    except Exception as error:  # whatever the module raises
        raise ValueError(f"--recipe {recipe}: {name} cannot be imported ({type(error).__name__}: {error})") from None
    found = [value for value in vars(module).values() if isinstance(value, Method)]
    if not found:
        raise ValueError(f"--recipe {recipe}: {name} has no Method")
    return found[0]


def own_overrides(run_dir: Path) -> list[str]:
    """What is added to the two presets: paths and a name."""
    return [
        f"actor_rollout_ref.model.path={run_dir}/model",
        f"data.train_files={run_dir}/data/train.parquet",
        f"data.val_files={run_dir}/data/val.parquet",
        f"reward.custom_reward_function.path={HERE}/reward.py",
        f"trainer.default_local_dir={run_dir}/checkpoints",
        f"trainer.experiment_name={run_dir.name}",
        f"hydra.run.dir={run_dir}/hydra",
    ]


def training_command(recipe: str, run_dir: Path, overrides: list[str]) -> list[str]:
    """The command a user would type."""
    return [sys.executable, "-m", f"{recipes.package_of(recipe)}.main", *PRESETS, *own_overrides(run_dir), *overrides]


def checked_config(method: Method, run_dir: Path, overrides: list[str]) -> DictConfig:
    """What the training command will compose. ValueError if a value is wrong, or the folder was trained with others."""
    config = compose(method, [*PRESETS, *own_overrides(run_dir), *overrides])
    check_values(config, method.name)
    if run_folder(config) != run_dir:
        raise ValueError("trainer.default_local_dir is given, but the demo keeps everything in one folder; give --run-dir")
    if config.trainer.total_training_steps is None:
        raise ValueError("trainer.total_training_steps is null; the demo needs a number")
    try:
        check_settings(config, method)
    except ValueError as error:
        raise ValueError(str(error).replace("another trainer.default_local_dir", "another --run-dir")) from None
    return config


def is_trained(config: DictConfig, run_dir: Path) -> bool:
    """Whether the last step was trained; ValueError if that was with other values of anything but the number of steps."""
    trainer = config.trainer
    if trainer.resume_mode != "auto" or trainer.get("val_only"):
        return False
    checkpoint, _ = newest_complete(trainer.default_local_dir)
    if not checkpoint or int(checkpoint.rpartition("_")[2]) < trainer.total_training_steps:
        return False
    if changed := _changes(run_dir / "hydra/.hydra/config.yaml", config, run_dir):
        raise ValueError(
            f"{run_dir} is trained already, with other settings: {', '.join(changed)}; start anew with another --run-dir, or "
            "remove it"
        )
    return True


def _changes(kept: Path, config: DictConfig, run_dir: Path) -> list[str]:
    """What differs between the config that Hydra has kept of the last training and this one, but for paths and the end."""
    if not kept.exists():
        return []
    old, new = (dict(leaves(OmegaConf.to_container(c, resolve=True))) for c in (OmegaConf.load(kept), config))
    ours = {override.partition("=")[0] for override in own_overrides(run_dir)}
    ours |= {"trainer.total_training_steps", "trainer.total_epochs"}
    keys = [key for key in {**old, **new} if key not in ours and old.get(key) != new.get(key)]
    return [f"{key} {old.get(key)} -> {new.get(key)}" for key in keys]


def report(method: Method, run_dir: Path, steps: dict[int, dict], seconds: float | None) -> bool:
    """Print the closing table; True if validation accuracy has doubled at some step: at the last one it swings."""
    trained = [step for step in sorted(steps) if REWARD in steps[step]]
    if not trained:
        print("No step was trained, or trainer.logger has no `file`.", file=sys.stderr)
        return False
    first, last = trained[0], trained[-1]
    accuracies = [steps[step][ACCURACY] for step in sorted(steps) if ACCURACY in steps[step]]
    if not accuracies:
        print("No validation was run.", file=sys.stderr)
        return False
    before, after, best = accuracies[0], accuracies[-1], max(accuracies)
    print(f"\n{'':38}{'start':>10}{'end':>10}")
    print(f"{'mean reward':38}{steps[first][REWARD]:>10.2f}{steps[last][REWARD]:>10.2f}")
    print(f"{'validation accuracy':38}{before:>10.2f}{after:>10.2f}{f'   best {best:.2f}' if best > after else ''}\n")
    for name in method.display.summary_metrics:
        start, end = (steps[step].get(name, float("nan")) for step in (first, last))  # an empty group has some shares only
        print(f"{name:38}{start:>10.1%}{end:>10.1%}")
    step_seconds = sorted(steps[s]["timing_s/step"] for s in trained)
    total = f", {seconds:.0f} s with the start" if seconds else ""
    print(f"\n{len(trained)} steps, median {step_seconds[len(step_seconds) // 2]:.1f} s a step{total}")
    print(f"checkpoint  {run_dir}/checkpoints/global_step_{last}")
    print(f"log         {run_dir}/train.log")
    print(f"metrics     {run_dir}/metrics-*.jsonl, {run_dir}/tensorboard")
    return best > 0 and best >= 2 * before


def main() -> int:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="htpo", help="htpo, hapo, or the package of a method of your own")
    parser.add_argument("--run-dir", type=Path, default=None, help="default: runs/demo-<method>")
    parser.add_argument("overrides", nargs="*", help="any key=value of the training config")
    args = parser.parse_args()
    try:
        method = method_of(args.recipe)
        run_dir = (args.run_dir or ROOT / "runs" / f"demo-{method.name}").resolve()
        run_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(run_dir / "lock", blocking=False):
            return demo(method, args.recipe, run_dir, args.overrides)
    except Timeout:
        print(f"error: another demo trains in {run_dir}; wait for it, or give another --run-dir", file=sys.stderr)
    except OSError as error:
        print(f"error: --run-dir cannot be used: {error}", file=sys.stderr)
    except (ValueError, subprocess.CalledProcessError) as error:
        print(visible(f"error: {error}"), file=sys.stderr)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    return 2


def demo(method: Method, recipe: str, run_dir: Path, overrides: list[str]) -> int:
    """Train in a folder that is there, unless that is done, and show the end; the exit status."""
    start = time.monotonic()
    config = checked_config(method, run_dir, overrides)
    total = config.trainer.total_training_steps
    seconds = None
    if is_trained(config, run_dir):
        print(f"{run_dir} is trained already; remove it to start anew.")
    else:
        make_inputs(run_dir)
        if status := train(training_command(recipe, run_dir, overrides), run_dir, total):
            return status
        seconds = time.monotonic() - start
    doubled = report(method, run_dir, read_metrics(run_dir), seconds)
    if not doubled and total >= STEPS:  # a shorter run proves nothing
        print("\nValidation accuracy never doubled: something is wrong.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
