"""Layer b: 20 updates of each method by verl's own actor on fixed rollouts, beside the committed golden curves; no vLLM."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import mean

import torch

from benchmarks.acceptance.part import run


def distance(found: dict[str, list[float]], golden: dict[str, list[float]]) -> float:
    """The largest distance of any value of a curve, over the largest size of that metric; NaN if a metric is missing."""
    if set(found) != set(golden):
        return float("nan")
    sizes = {key: max(map(abs, values)) for key, values in golden.items()}
    return max(
        abs(a - b) / sizes[key] if sizes[key] else abs(a - b)
        for key, values in golden.items()
        for a, b in zip(found[key], values, strict=True)
    )


def mean_distance(found: list[float], golden: list[float]) -> float:
    """The mean distance of a curve's values, over its largest size: a loss may come close to 0."""
    return mean(abs(a - b) for a, b in zip(found, golden, strict=True)) / max(map(abs, golden))


def measure(options: dict, put) -> None:
    """All of the part."""
    os.environ["HTPO_TEST_DEVICE"] = options["device"]  # before the harness reads it
    from tests.token_level import actor_update
    from tests.token_level.golden_curve import CURVES, FILE, as_curves, make_model

    golden = json.loads(FILE.read_text())
    bf16 = "actor_rollout_ref.actor.fsdp_config.mixed_precision.param_dtype=bf16"
    updates = list(CURVES.values())
    in_bf16 = [replace(update, overrides=(*update.overrides, bf16), dtype=torch.float32) for update in updates]
    with tempfile.TemporaryDirectory() as folder:
        results = actor_update.run(make_model(Path(folder) / "model"), 1, updates + in_bf16, Path(folder))
    curves = [as_curves(result) for result in results]
    exact, rough = (dict(zip(CURVES, part, strict=True)) for part in (curves[: len(CURVES)], curves[len(CURVES) :]))
    for name in CURVES:
        print(f"{name:20} float64 {distance(exact[name], golden[name]):.1e}; bf16: ", end="")
        print({key: round(mean_distance(rough[name][key], golden[name][key]), 4) for key in ("loss", "grad_norm")})
    put({"b/curve": max(distance(exact[name], golden[name]) for name in CURVES)})
    for key in ("loss", "grad_norm"):
        put({f"b/bf16_{key}": max(mean_distance(rough[name][key], golden[name][key]) for name in CURVES)})


if __name__ == "__main__":
    run(measure)
