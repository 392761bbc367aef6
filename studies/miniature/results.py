"""A run's result: one small JSON file, results/<arm>/seed-<n>.json. Everything that is reported comes from these files.

test     {problem: {"difficulty", "right"}}: which of the N responses were right, as a hexadecimal number whose highest
         bit is sample 0; also "tokens" and "cut_off", means over all responses
steps    {metric: [value of step 1, 2, ...]}, null where it was not logged
made_by  what made it: the arm's settings, model and problems (digests), versions, hardware, seconds, commit and Python
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from recipe.files.whole import written_whole
from recipe.rlvr_math.evaluation.samples import Sample

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
N = 256  # responses to each test problem

KEPT = (
    "actor/entropy",
    "actor/pg_clipfrac",
    "actor/ppo_kl",
    "actor/grad_norm",
    "critic/score/mean",
    "response_length/mean",
    "response_length/clip_ratio",
    "timing_s/step",
)
KEPT_OF_METHODS = ("htpo/", "hapo/", "rollouts/")


def steps_to_keep(metrics: dict[int, dict]) -> dict[str, list[float | None]]:
    """{metric: values by step}, with four digits. metrics: {step: {name: value}}."""
    trained = [step for step in sorted(metrics) if "critic/score/mean" in metrics[step]]
    names = sorted({name for step in trained for name in metrics[step] if name in KEPT or name.startswith(KEPT_OF_METHODS)})
    return {name: [_short(metrics[step].get(name)) for step in trained] for name in names}


def _short(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(f"{value:.4g}")


def test_to_keep(samples: Iterable[Sample], difficulties: dict[str, str], n: int) -> dict:
    """The `test` part of a result. difficulties: of each problem's id.

    ValueError if a response is missing.
    """
    right = {problem: np.zeros(n, dtype=bool) for problem in difficulties}
    tokens, cut_off, count = 0, 0, 0
    for sample in samples:
        right[sample.problem][sample.sample] = sample.acc == 1
        tokens, cut_off, count = tokens + sample.tokens, cut_off + sample.cut_off, count + 1
    if count != n * len(difficulties):
        raise ValueError(f"{count} responses instead of {n} to each of {len(difficulties)} problems")
    return {
        "n": n,
        "tokens": _short(tokens / count),
        "cut_off": _short(cut_off / count),
        "problems": {p: {"difficulty": d, "right": np.packbits(right[p]).tobytes().hex()} for p, d in difficulties.items()},
    }


def right_answers(result: dict, difficulty: str | None = None) -> np.ndarray:
    """`[problems, N]` bool, of one difficulty or all."""
    rows = [
        np.unpackbits(np.frombuffer(bytes.fromhex(problem["right"]), dtype=np.uint8))
        for _, problem in sorted(result["test"]["problems"].items())
        if difficulty in (None, problem["difficulty"])
    ]
    return np.array(rows, dtype=bool)


def write(result: dict, path: Path) -> None:
    """Write a result whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as new:
        new.write_text(json.dumps(result, indent=None, separators=(",", ":")) + "\n")


def path_of(arm: str, seed: int, folder: Path | None = None) -> Path:
    """Where a run's result is. folder: of all results, RESULTS."""
    return (folder or RESULTS) / arm / f"seed-{seed}.json"


def read_all(arms: dict[str, dict], folder: Path | None = None) -> dict[str, dict[int, dict]]:
    """{arm: {seed: result}}; the model before training is arm `start`, seed 0. folder: of all results, RESULTS.

    ValueError if results must not be compared: of different models, problems, presets, package versions or kinds of hardware,
    of other settings than `arms` has, or of more seeds.
    """
    results: dict[str, dict[int, dict]] = {}
    seen: dict[str, tuple[object, Path]] = {}
    for path in sorted((folder or RESULTS).glob("*/seed-*.json")):
        result, name, seed = json.loads(path.read_text()), path.parent.name, int(path.stem.removeprefix("seed-"))
        made_by = result["made_by"]
        kind = "CPU" if made_by["hardware"].startswith("CPU") else "GPU"
        for fact, value in {"inputs": made_by["inputs"], "hardware": kind, **made_by["versions"]}.items():
            known, where = seen.setdefault(fact, (value, path))
            if value != known:
                raise ValueError(f"{path} was made with {fact} {value}, {where} with {known}: make one of them anew")
        if name != "start":
            arm = arms.get(name, {})
            if made_by["arm"] != {key: arm.get(key) for key in ("recipe", "overrides")}:
                raise ValueError(f"{path} was made with other settings than arms.yaml has: {made_by['arm']}")
            if seed > arm["seeds"]:
                raise ValueError(f"{path} is of a seed that arms.yaml does not plan")
        results.setdefault(name, {})[seed] = result
    return results
