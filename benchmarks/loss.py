"""`make bench`: HTPO's loss beside verl's vanilla loss, the partition, and the demo's steps if both demos were run.

The losses are the functions registered with verl, forward and backward, with their metrics, groups given.
"""

from __future__ import annotations

import pickle
import statistics
import sys
from functools import partial
from pathlib import Path

import torch
from verl.trainer.ppo.core_algos import agg_loss, compute_policy_loss_vanilla
from verl.workers.config import FSDPActorConfig

from benchmarks.timing import interleaved, make_batch, partition
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


def losses_and_partition() -> None:
    """Print ratios over the vanilla loss, and the partition's time per token."""
    batch = make_batch()
    groups = partition(batch)
    functions = {"vanilla": partial(registered, compute_policy_loss_vanilla, batch, HTPOConfig(), groups)}
    for name in PRESETS:
        settings = HTPOConfig(objectives=name)
        functions[f"htpo loss, objectives={name}"] = partial(registered, compute_policy_loss_htpo, batch, settings, groups)
    settings = HTPOConfig(variant="released")
    functions["htpo loss, variant=released"] = partial(registered, compute_policy_loss_htpo, batch, settings, groups)
    functions["htpo loss without metrics"] = partial(bare, token_losses, batch, groups)
    functions["htpo loss without metrics, compiled"] = partial(bare, torch.compile(token_losses), batch, groups)
    functions["partition"] = partial(partition, batch)

    seconds = interleaved(functions)
    tokens = groups.numel()
    size = f"{groups.shape[0]} x {groups.shape[1]} tokens"
    print(f"\n{size}, float32, {THREADS} CPU threads, torch {torch.__version__}, medians of 15")
    print(f"{'verl vanilla loss, forward + backward':48}{seconds['vanilla'] * 1e3:8.1f} ms")
    for name in functions:
        if name.startswith("htpo"):
            print(f"{name:48}{seconds[name] / seconds['vanilla']:8.2f} x vanilla")
    print(f"{'partition':48}{seconds['partition'] / tokens * 1e9:8.1f} ns/token")


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
    torch.set_num_threads(THREADS)
    losses_and_partition()
    demo_steps()
    sys.exit(0)
