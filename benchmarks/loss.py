"""`python -m benchmarks.loss [--device cuda]`: HTPO's loss beside verl's vanilla, the partition; the demo's steps if both ran.

The losses are the functions registered with verl, forward and backward, with their metrics, groups given.
"""

from __future__ import annotations

import argparse
import pickle
import statistics
from functools import partial
from pathlib import Path

import torch
from verl.trainer.ppo.core_algos import agg_loss, compute_policy_loss_vanilla
from verl.workers.config import FSDPActorConfig

from benchmarks.rows import measured
from benchmarks.timing import ROWS, WIDTH, interleaved, make_batch, partition, peak_bytes
from recipe.files.metrics import read_metrics
from recipe.htpo import PRESETS, HTPOConfig, token_losses
from recipe.htpo.plugin import compute_policy_loss_htpo
from recipe.token_level.context import LossInputs, handing_loss
from recipe.token_level.device_metrics import device_metrics

THREADS = 2
ROOT = Path(__file__).parents[1]


CLIP_RANGE = {"clip_ratio_low": 0.2, "clip_ratio_high": 0.28, "clip_ratio_c": 10.0}  # HTPOConfig's own


def registered(function, batch, settings, groups) -> None:
    """Forward and backward of a registered policy loss, with its metrics made numbers."""
    config = FSDPActorConfig(rollout_n=8, ppo_micro_batch_size_per_gpu=1, **CLIP_RANGE)
    log_prob = batch["log_prob"].clone().requires_grad_()
    rest = (batch["old_log_prob"], log_prob, batch["advantages"], batch["response_mask"])
    with handing_loss(LossInputs(settings, {"token_groups": groups})) as inputs:
        loss, _ = function(*rest, "token-mean", config)
    loss.backward()
    pickle.dumps(device_metrics(inputs.means, inputs.sums))


def bare(losses, batch, groups) -> None:
    """Forward and backward of the loss alone, without metrics."""
    log_prob = batch["log_prob"].clone().requires_grad_()
    values = losses(log_prob, batch["old_log_prob"], batch["advantages"], groups, HTPOConfig())
    agg_loss(values, batch["response_mask"], "token-mean").backward()


def losses(device: str) -> None:
    """Ratios over the vanilla loss, of time and of memory."""
    batch, whole = make_batch(device), make_batch(device, full=ROWS)
    groups = partition(batch)
    default = HTPOConfig()

    def vanilla(batch, groups):
        return partial(registered, compute_policy_loss_vanilla, batch, default, groups)

    def htpo(batch, groups, settings=default):
        return partial(registered, compute_policy_loss_htpo, batch, settings, groups)

    functions = {"vanilla": vanilla(batch, groups), "htpo": htpo(batch, groups)}
    functions |= {
        "vanilla, full rows": vanilla(whole, whole_groups := partition(whole)),
        "full rows": htpo(whole, whole_groups),
    }
    for name in PRESETS:
        functions[f"objectives={name}"] = htpo(batch, groups, HTPOConfig(objectives=name))
    functions["variant=released"] = htpo(batch, groups, HTPOConfig(variant="released"))
    functions["without metrics"] = partial(bare, token_losses, batch, groups)
    functions["without metrics, compiled"] = partial(bare, torch.compile(token_losses), batch, groups)
    functions["partition"] = partial(partition, batch)

    where = f"{THREADS} CPU threads" if device == "cpu" else torch.cuda.get_device_name()
    print(f"{ROWS} x {WIDTH:,} tokens, float32, {where}, torch {torch.__version__}, medians of 15")
    seconds = interleaved(functions)
    print(f"verl's vanilla loss, forward + backward: {seconds['vanilla'] * 1e3:.1f} ms")
    ratio = {name: value / seconds["vanilla"] for name, value in seconds.items()}
    measured("HTPO's loss over verl's vanilla, both with metrics", ratio.pop("htpo"), "x", 0.4)
    full = ratio.pop("full rows") / ratio.pop("vanilla, full rows")
    measured("HTPO's loss over verl's vanilla, rows without padding", full, "x", 0.4)
    for name in list(ratio)[1:-1]:
        measured(f"HTPO's loss over verl's vanilla, {name}", ratio[name], "x", 0.7)
    peaks = {name: peak_bytes(functions[name]) for name in ("vanilla", "htpo")}
    measured("HTPO's loss over verl's vanilla, peak memory", peaks["htpo"] / peaks["vanilla"], "x", 1)
    measured("partition of padded rows, per entry", seconds["partition"] / groups.numel() * 1e9, "ns/token")


def demo_steps() -> None:
    """Print HTPO's step over DAPO's, if both demos were run: `make demo` and, with another --run-dir, objectives=dapo.

    The second is `make demo ARGS="--run-dir runs/demo-dapo objectives=dapo"`.
    """
    phases = ("step", "gen", "old_log_prob", "adv", "update_actor")
    medians = {}
    for name in ("htpo", "dapo"):
        steps = [data for data in read_metrics(ROOT / f"runs/demo-{name}").values() if "timing_s/step" in data]
        if not steps:
            print(f"\nno run of the demo with objectives={name}: no step times")
            return
        medians[name] = {phase: statistics.median(data[f"timing_s/{phase}"] for data in steps) for phase in phases}
    print("\nmedian step of the demo, HTPO over DAPO")
    for phase in phases:
        htpo, dapo = medians["htpo"][phase], medians["dapo"][phase]
        print(f"{phase:48}{htpo / dapo:8.2f} x   ({htpo:.2f} s / {dapo:.2f} s)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loss", description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    given = parser.parse_args()
    torch.set_num_threads(THREADS)
    losses(given.device)
    demo_steps()
