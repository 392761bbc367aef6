"""The loop: collect, measure with the old policy, update, evaluate, write down. Metrics have verl's names."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from recipe.lab.collect import Collected, Collector, Stale
from recipe.lab.evaluate import evaluate, held_out, pass_at
from recipe.lab.objectives import Batch, Objective
from recipe.lab.policy import Policy
from recipe.lab.rollout import log_probs_and_entropy
from recipe.lab.tasks import Task
from recipe.lab.temperature import AdaptiveTemperature
from recipe.lab.update import UpdateMetrics, make_optimizer, update


@dataclass
class Validation:
    """Of `problems` held-out problems: every so many steps `samples` answers to each; after the last step `final` answers."""

    every: int = 10
    problems: int = 64
    samples: int = 4
    final: int = 16


@dataclass
class Loop:
    """Of a run; see config/lab.yaml."""

    steps: int
    seeds: list[int]
    updates: int
    lr: float
    temperature: float
    staleness: int
    validation: Validation


def train(
    policy: Policy,
    task: Task,
    objective: Objective,
    adaptive: AdaptiveTemperature,
    collector: Collector,
    loop: Loop,
    folder: Path,
    say: Callable[[str], None] = print,
) -> list[dict[str, float]]:
    """Train the copies, one for each seed; each seed's metrics go to `folder/seed-N/metrics-000.jsonl`.

    Returns:
        The last validation's metrics of each seed.
    """
    optimizer, stale = make_optimizer(policy, loop.lr), Stale(policy, loop.staleness)
    problems = held_out(task, loop.validation.problems)
    files = [(folder / f"seed-{seed}/metrics-000.jsonl") for seed in loop.seeds]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")

    def log(step: int, of_seeds: list[dict[str, float]]) -> None:
        for file, data in zip(files, of_seeds, strict=True):
            with file.open("a") as lines:
                lines.write(json.dumps({"step": step, "data": data}) + "\n")

    def validated(samples: int) -> list[dict[str, float]]:
        right, distinct = evaluate(policy, task, problems, samples, seed=0, temperature=loop.temperature)
        return [_validation(right[s], distinct[s], samples) for s in range(policy.copies)]

    last = validated(loop.validation.samples)
    log(0, last)
    for step in range(1, loop.steps + 1):
        started = time.perf_counter()
        collected = collector.step(stale.now(), adaptive)
        generated = time.perf_counter()
        with torch.no_grad():
            old, entropy = log_probs_and_entropy(policy, collected.rollouts, loop.temperature)
        mask, rows = collected.rollouts.response_mask, collector.prompts * collector.n
        keys = [f"{seed}.{step}.{i // collector.n}_{i % collector.n}_0" for seed in loop.seeds for i in range(rows)]
        batch = Batch(old, entropy, mask, collected.acc, collected.acc, collected.prompt, policy.copies, keys)
        objective.prepare(batch)
        found = update(policy, optimizer, objective, collected.rollouts, batch, loop.updates, loop.temperature)
        adaptive.measure(batch)
        times = {"timing_s/gen": generated - started, "timing_s/step": time.perf_counter() - started}
        logged = [_of_seed(s, collected, batch, found) | times for s in range(policy.copies)]
        if step == loop.steps or (loop.validation.every > 0 and step % loop.validation.every == 0):
            last = validated(loop.validation.samples)
            if step == loop.steps:  # beside them, so that their curves reach the end
                last = [one | more for one, more in zip(last, validated(loop.validation.final), strict=True)]
            logged = [one | more for one, more in zip(logged, last, strict=True)]
            say(_line(step, loop.steps, logged))
        log(step, logged)
    return last


def _of_seed(s: int, collected: Collected, batch: Batch, found: UpdateMetrics) -> dict[str, float]:
    """A step's metrics of one seed."""
    rows = batch.of_copy(s)
    mask, acc = batch.mask[rows], collected.acc[rows]
    lengths, drift = mask.sum(1).double(), (batch.old_log_prob - collected.rollouts.log_prob)[rows][mask]
    drawn = max(collected.drawn[s], 1)
    return {
        "critic/score/mean": acc.mean().item(),
        "actor/pg_loss": found.loss[s].item(),
        "actor/grad_norm": found.grad_norm[s].item(),
        "actor/pg_clipfrac": found.clip_share[s].item(),
        "actor/entropy": batch.entropy[rows][mask].mean().item(),
        **{name: share[s].item() for name, share in found.active_shares.items()},
        "rollout_corr/kl": -drift.mean().item(),
        "response_length/mean": lengths.mean().item(),
        "response_length/max": lengths.max().item(),
        "rollouts/all_right_share": collected.all_right[s] / drawn,
        "rollouts/all_wrong_share": collected.all_wrong[s] / drawn,
        "rollouts/drawn_prompts": float(collected.drawn[s]),
    }


def _validation(right: torch.Tensor, distinct: torch.Tensor, samples: int) -> dict[str, float]:
    """Of one seed; right, distinct: `[problems]`."""
    metrics = {f"val-core/lab/acc/mean@{samples}": right.double().mean().item() / samples}
    k = 2
    while k <= samples:
        metrics[f"val-core/lab/acc/pass@{k}"] = pass_at(right, samples, k).mean().item()
        k *= 2
    return metrics | {"val-core/lab/distinct_solutions": distinct.double().mean().item()}


def _line(step: int, steps: int, logged: list[dict[str, float]]) -> str:
    """Means over the seeds."""

    def mean(name: str) -> float:
        return sum(data[name] for data in logged) / len(logged)

    name = next((name for name in logged[0] if name.endswith("/active_share")), None)
    active = f"active {mean(name):.2%}  " if name else ""
    validation = next(name for name in logged[0] if "/acc/mean@" in name)
    return (
        f"step {step:4}/{steps}  {validation.rpartition('/')[2]} {mean(validation):.3f}  "
        f"train {mean('critic/score/mean'):.3f}  "
        f"entropy {mean('actor/entropy'):.3f}  clipped {mean('actor/pg_clipfrac'):.2%}  "
        f"{active}length {mean('response_length/mean'):.1f}  "
        f"{mean('timing_s/step') / len(logged):.2f} s a step and seed"
    )
