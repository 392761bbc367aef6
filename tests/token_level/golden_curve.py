"""20 updates on fixed rollouts, for each method: `make golden` writes tests/golden/curves.json, a test compares.

The model has random weights of a fixed seed, everything is float64, old log-probs are the first model's with noise, so that
the policy moves away from them: from update to update more ratios leave the clip range. A commit that rewrites the file
says why the numbers changed.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import torch

from tests import ROOT
from tests.token_level.actor_update import Result, Update, run

FILE = ROOT / "tests/golden/curves.json"
UPDATES = 20
RATE = "actor_rollout_ref.actor.optim.lr=1e-4"
CURVES = {
    "HTPO": Update("htpo", (RATE,), updates=UPDATES),
    "HTPO, as released": Update("htpo", (RATE, "htpo.variant=released"), updates=UPDATES),
    "DAPO": Update("htpo", (RATE, "objectives=dapo"), updates=UPDATES),
    "HAPO": Update("hapo", (RATE,), updates=UPDATES),
    "HAPO, as released": Update("hapo", (RATE, "hapo.variant=released"), updates=UPDATES),
}


def make_model(folder: Path) -> Path:
    """A tiny Qwen3, the same on every machine."""
    from launch.demo.make_model import SIZES, make_model, make_tokenizer

    tokenizer = make_tokenizer()
    torch.manual_seed(0)
    make_model(tokenizer, **SIZES).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def as_curves(result: Result) -> dict[str, list[float]]:
    """Metric: its value after each update."""
    return {
        "loss": result.loss,
        "grad_norm": result.grad_norm,
        **{key: [metrics[key] for metrics in result.metrics] for key in sorted(result.metrics[0])},
    }


def measure(folder: Path) -> dict[str, dict[str, list[float]]]:
    """Curve: its metrics."""
    results = run(make_model(folder / "model"), 1, list(CURVES.values()), folder)
    return {name: as_curves(result) for name, result in zip(CURVES, results, strict=True)}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        curves = measure(Path(folder))
    lines = []
    for name, curve in curves.items():
        metrics = [f"  {json.dumps(key)}: {[float(f'{value:.10g}') for value in values]}" for key, values in curve.items()]
        lines.append(f"{json.dumps(name)}: {{\n" + ",\n".join(metrics) + "\n}")
    FILE.write_text("{" + ",\n".join(lines) + "}\n")
    print(f"{FILE}: {len(curves)} curves of {UPDATES} updates")
