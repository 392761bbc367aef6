"""`make study`: train and evaluate what has no result yet, one run at a time, the first seed of every arm first.

    python -m studies.miniature.study [--arms dapo htpo_paper] [--seeds 1 2] [--runs runs/miniature]

Run again after it was stopped or killed, it continues: training from its last checkpoint, an evaluation from its last response.
What an interrupted run needs stays in --runs; results/ has what is finished.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import sys
import time
from importlib import metadata
from pathlib import Path

import pandas as pd
import torch
import yaml

from launch.demo.evaluate import run
from launch.demo.run import train
from recipe.rlvr_math.files import sha256
from recipe.rlvr_math.samples import read_samples
from recipe.token_level.run_folder import read_metrics
from studies.miniature import results
from studies.miniature.make_data import main as make_data

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MODEL = HERE / "model"
PRESET = HERE / "config/experiment/miniature.yaml"
STEPS = yaml.safe_load(PRESET.read_text())["trainer"]["total_training_steps"]


def arms() -> dict[str, dict]:
    """The arms by name, as in arms.yaml."""
    return yaml.safe_load((HERE / "arms.yaml").read_text())


def where_it_runs() -> list[str]:
    """The preset of a machine without a GPU, where there is none."""
    return [] if torch.cuda.is_available() else ["+platform=cpu"]


def training_command(arm: dict, seed: int, data: Path, run_dir: Path) -> list[str]:
    """The command a user would type."""
    return [
        *(sys.executable, "-m", f"recipe.{arm['recipe']}.main", "--config-dir", str(HERE / "config")),
        *(*where_it_runs(), "+experiment=miniature", *arm["overrides"]),
        "trainer.n_gpus_per_node=1",
        f"actor_rollout_ref.model.path={MODEL}",
        f"data.train_files={data}/train.parquet",
        f"data.val_files={data}/test.parquet",
        f"data.seed={seed}",
        f"reward.custom_reward_function.path={HERE}/reward.py",
        f"trainer.default_local_dir={run_dir}/checkpoints",
        f"trainer.experiment_name={run_dir.name}",
        f"hydra.run.dir={run_dir}/hydra",
    ]


def evaluation_command(model: Path, seed: int, data: Path, out: Path) -> list[str]:
    """N responses to each test problem, sampled as the paper's evaluation does."""
    return [
        *(sys.executable, "-m", "recipe.rlvr_math.evaluate", *where_it_runs(), f"n={results.N}", f"seed={seed}"),
        *("temperature=1.0", "top_p=0.7", "max_prompt_tokens=40", "max_response_tokens=96"),
        "actor_rollout_ref.rollout.max_num_seqs=256",
        "trainer.n_gpus_per_node=1",
        f"model={model}",
        f"benchmarks=[{data}/test.parquet]",
        f"reward.custom_reward_function.path={HERE}/reward.py",
        f"out={out}",
        "+ray_kwargs.ray_init.log_to_driver=False",
    ]


def evaluate(model: Path, seed: int, data: Path, out: Path) -> dict:
    """The `test` part of a result."""
    run(evaluation_command(model, seed, data, out))
    rows = pd.read_parquet(data / "test.parquet").to_dict("records")
    difficulties = {str(row["extra_info"]["index"]): row["data_source"].removeprefix("reach_target_") for row in rows}
    return results.test_to_keep(read_samples(out / "test.jsonl"), difficulties, results.N)


def made_by(arm: dict | None, data: Path, seconds: dict[str, float]) -> dict:
    """The `made_by` part of a result; equal `inputs` are what makes results comparable."""
    problems = "".join(row["ground_truth"] for part in ("train", "test") for row in _rewards(data / f"{part}.parquet"))
    return {
        "inputs": {
            "model": sha256(MODEL / "model.safetensors"),
            "problems": hashlib.sha256(problems.encode()).hexdigest(),
            "preset": sha256(PRESET),
        },
        "arm": arm and {"recipe": arm["recipe"], "overrides": arm["overrides"]},
        "versions": {name: metadata.version(name) for name in ("verl", "torch", "ray", "transformers")},
        "hardware": torch.cuda.get_device_name()
        if torch.cuda.is_available()
        else f"CPU {platform.machine()}, {os.cpu_count()} cores",
        "seconds": {name: round(value) for name, value in seconds.items()},
    }


def _rewards(file: Path) -> list[dict]:
    return pd.read_parquet(file)["reward_model"].tolist()


def make_result(name: str, seed: int, runs: Path, data: Path) -> dict:
    """Train and evaluate one run. Seconds are of this attempt. SystemExit if training fails or was asked to stop."""
    arm, run_dir = arms()[name], runs / f"{name}-{seed}"
    run_dir.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    if max(read_metrics(run_dir), default=0) < STEPS and (
        status := train(training_command(arm, seed, data, run_dir), run_dir, STEPS)
    ):
        raise SystemExit(status)
    trained = time.monotonic()
    test = evaluate(run_dir / f"checkpoints/global_step_{STEPS}", seed, data, run_dir / "evaluation")
    seconds = {"training": trained - begin, "evaluation": time.monotonic() - trained}
    return {"test": test, "steps": results.steps_to_keep(read_metrics(run_dir)), "made_by": made_by(arm, data, seconds)}


def main(arguments: list[str] | None = None) -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arms", nargs="*", choices=list(arms()), default=list(arms()))
    parser.add_argument("--seeds", nargs="*", type=int, help="default: those of each arm in arms.yaml")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs/miniature")
    args = parser.parse_args(arguments)
    runs = args.runs.resolve()
    data = runs / "data"
    if not (data / "test.parquet").exists():
        make_data(str(data))

    start = results.path_of("start", 0)
    if not start.exists():
        begin = time.monotonic()
        test = evaluate(MODEL, 0, data, runs / "start")
        results.write(
            {"test": test, "steps": {}, "made_by": made_by(None, data, {"evaluation": time.monotonic() - begin})}, start
        )
    wanted = [(seed, name) for name in args.arms for seed in args.seeds or range(1, arms()[name]["seeds"] + 1)]
    missing = [
        (seed, name) for seed, name in sorted(wanted, key=lambda pair: pair[0]) if not results.path_of(name, seed).exists()
    ]
    for i, (seed, name) in enumerate(missing, 1):
        print(f"\n{name}, seed {seed} ({i} of {len(missing)})", flush=True)
        results.write(make_result(name, seed, runs, data), results.path_of(name, seed))
    results.read_all()
    print("every run that was asked for has its result; `make study-report` makes the table and the figures")


if __name__ == "__main__":
    main()
