"""`python -m benchmarks.pages`: a long run's insight page, and a report over many evaluations; seconds, memory, size.

`--full`: 100,000 steps and dumps of 200 steps x 8 responses x 20,000 tokens; 6 runs x 7 benchmarks x 64 samples. Each is made
in a process of its own, which has to read what a run would have written.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.rows import measured


@dataclass(frozen=True)
class Size:
    """steps: with metrics. dumps: steps with a token dump, of `responses` with `tokens` each. runs: in the report."""

    steps: int
    dumps: int
    responses: int
    tokens: int
    runs: int


USUAL, FULL = Size(10_000, 20, 8, 2_000, 2), Size(100_000, 200, 8, 20_000, 6)
BENCHMARKS = {"aime24": 30, "aime25": 30, "amc23": 40, "math500": 500, "minerva": 272, "olympiad": 675, "gsm8k": 1319}
SAMPLES = 64
# What verl logs a step besides, which the reader has to pass over.
OTHERS = [f"actor/other_{i}" for i in range(100)]
SHOWN = ("timing_s/step", "critic/score/mean", "response_length/mean", "actor/entropy", "actor/grad_norm")


def write_run(folder: Path, size: Size) -> None:
    """A run's metrics and token dumps."""
    rng = np.random.default_rng(0)
    names = [*SHOWN, *OTHERS, *(f"htpo/{group}/token_share" for group in _groups())]
    with (folder / "metrics.jsonl").open("w") as file:
        for step in range(1, size.steps + 1):
            data = dict(zip(names, rng.random(len(names)).round(6).tolist(), strict=True))
            file.write(json.dumps({"step": step, "data": data}) + "\n")
    from recipe.htpo.method import HTPO
    from recipe.token_level.display import FILE

    (folder / FILE).write_text(HTPO.display.to_json())
    (folder / "tokens").mkdir()
    for step in np.linspace(1, size.steps, size.dumps).astype(int).tolist():
        write_dump(folder / f"tokens/step_{step}.parquet", step, size, rng)


def write_dump(path: Path, step: int, size: Size, rng: np.random.Generator) -> None:
    """One step's token dump, in the columns that training writes."""
    rows, tokens = size.responses, size.tokens
    words = np.array([f" word{i}" for i in range(2_000)])

    def lists(values: np.ndarray, kind: pa.DataType) -> pa.Array:
        offsets = np.arange(0, rows * tokens + 1, tokens, dtype=np.int32)
        return pa.ListArray.from_arrays(offsets, pa.array(values.ravel(), type=kind))

    ids = rng.integers(2_000, size=(rows, tokens))
    numbers = {name: rng.random((rows, tokens)) for name in ("entropy", "advantage", "ratio", "old_log_prob")}
    columns = {
        "step": pa.array([step] * rows, pa.int32()),
        "session": pa.array(range(rows), pa.int32()),
        **{name: pa.array([f"{name} {i}" for i in range(rows)]) for name in ("prompt_id", "data_source", "prompt")},
        "ground_truth": pa.array(["7"] * rows),
        **{name: pa.array(rng.random(rows), pa.float32()) for name in ("acc", "reward", "solve_rate")},
        "token": lists(words[ids], pa.string()),
        "token_id": lists(ids, pa.int32()),
        **{name: lists(values, pa.float32()) for name, values in numbers.items()},
        "group": lists(rng.integers(1, 9, size=(rows, tokens)), pa.int32()),
    }
    about = {"format": 1, "method": "htpo", "clip_ratio_low": 0.2, "clip_ratio_high": 0.28}
    pq.write_table(pa.table(columns).replace_schema_metadata({"token_dump": json.dumps(about)}), path, compression="zstd")


def _groups() -> tuple[str, ...]:
    from recipe.htpo.objectives import GROUPS

    return tuple(GROUPS)


def write_evaluation(folder: Path, seed: int) -> None:
    """One run's evaluation."""
    rng = np.random.default_rng(seed)
    folder.mkdir()
    described = {name: {"file": f"{name}.parquet", "sha256": "0" * 64, "problems": n} for name, n in BENCHMARKS.items()}
    settings = {
        **{
            "format": 1,
            "model": f"model-{seed}",
            "n": SAMPLES,
            "benchmarks": described,
            "template": "",
            "verifier": "math",
            "hardware": "",
        },
        "sampling": {"temperature": 1.0, "top_p": 1.0, "top_k": -1, "max_tokens": 1024, "seed": 0},
        **{"versions": {"vllm": "0.24.0"}, "date": "2026-01-01"},
    }
    from recipe.rlvr_math.report.evaluations import SAMPLING

    settings["sampling"] = dict.fromkeys(SAMPLING, 1) | settings["sampling"]
    (folder / "settings.json").write_text(json.dumps(settings))
    for name, problems in BENCHMARKS.items():
        with (folder / f"{name}.jsonl").open("w") as file:
            for problem in range(problems):
                answers = rng.integers(6, size=SAMPLES).tolist()
                for i, answer in enumerate(answers):
                    sample = {"problem": str(problem), "sample": i, "pred": str(answer), "acc": float(answer == 0)}
                    file.write(
                        json.dumps(
                            sample | {"tokens": 700, "cut_off": False, "score": 0.0, "ground_truth": "0", "output": "x" * 2_000}
                        )
                        + "\n"
                    )


def timed(module: str, *arguments: str | Path) -> tuple[float, float]:
    """Seconds and GB of memory at most of a command, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.pages", "--measure", module, *map(str, arguments)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    seconds, kilobytes = output.splitlines()[-1].split()
    return float(seconds), float(kilobytes) / 2**20


def measure(module: str, arguments: list[str]) -> None:
    """Run `python -m module arguments`; print its seconds and the kilobytes it held at most."""
    start = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-m", module, *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"{module} ended with status {status}")
    assert isinstance(usage, resource.struct_rusage)
    print(time.perf_counter() - start, usage.ru_maxrss)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="100,000 steps, dumps of 32 M tokens: 6 GB of disk")
    parser.add_argument("--measure", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure[0], options.measure[1:])
        return
    size = FULL if options.full else USUAL
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "run").mkdir()
        write_run(folder / "run", size)
        seconds, memory = timed("recipe.insight", folder / "run", "--out", folder / "page")
        what = f"insight page of {size.steps:,} steps, {size.dumps * size.responses * size.tokens / 1e6:.1f} M dumped tokens"
        measured(f"{what}", seconds, "s", 20)
        measured(f"{what}: memory", memory, "GiB", 1)
        measured(f"{what}: size", (folder / "page/index.html").stat().st_size / 1e6, "MB", 60)
        runs = [folder / f"evaluation-{i}" for i in range(size.runs)]
        for i, run in enumerate(runs):
            write_evaluation(run, i)
        seconds, memory = timed("recipe.rlvr_math.report", *runs, "--out", folder / "report")
        what = f"report over {size.runs} runs x {len(BENCHMARKS)} benchmarks x {SAMPLES} samples"
        measured(what, seconds, "s", 30)
        measured(f"{what}: memory", memory, "GiB")


if __name__ == "__main__":
    main()
