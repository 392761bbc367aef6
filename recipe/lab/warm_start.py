"""The model that all runs of a task begin with: trained on demonstrations, of which many are wrong. Kept in a file."""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import asdict
from pathlib import Path

import torch
from torch.nn import functional as F

from recipe.files.whole import written_whole
from recipe.lab.policy import PAD, Policy, Sizes, attended, positions_of
from recipe.lab.rollout import END, Characters
from recipe.lab.tasks import Task

ROWS = 128
VERSION = 1  # of what the code here makes of the same settings


def warm_started(task: Task, sizes: Sizes, steps: int, lr: float, seed: int, folder: Path, say=print) -> Policy:
    """One copy, from its file below `folder`, or trained and kept there."""
    about = {"task": type(task).__name__, **asdict(task), "sizes": asdict(sizes), "steps": steps, "lr": lr, "seed": seed}
    name = hashlib.sha256(json.dumps(about | {"version": VERSION}, sort_keys=True).encode()).hexdigest()[:16]
    path = folder / f"{about['task'].lower()}-{name}.pt"
    policy = Policy(sizes)
    if path.exists():
        policy.load_state_dict(torch.load(path, weights_only=True))
        return policy
    say(f"warm start of {about['task'].lower()}: {steps} steps on demonstrations, kept in {path}")
    _train(policy, task, steps, lr, seed, say)
    folder.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as new:
        torch.save(policy.state_dict(), new)
    return policy


def _train(policy: Policy, task: Task, steps: int, lr: float, seed: int, say) -> None:
    rng = random.Random(f"demonstrations {seed}")
    characters = Characters(task.characters)
    policy.initialise(torch.Generator().manual_seed(seed))
    optimizer = torch.optim.AdamW(policy.parameters(), lr=lr, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps, pct_start=0.1)
    for step in range(1, steps + 1):
        rows = []
        while len(rows) < ROWS:
            problem = task.problem(rng)
            if task.shown(problem):
                rows.append((characters.encode(problem.prompt), [*characters.encode(task.demonstration(problem, rng)), END]))
        start, width = max(len(p) for p, _ in rows), max(len(r) for _, r in rows)
        tokens = torch.tensor([[PAD] * (start - len(p)) + p + r + [PAD] * (width - len(r)) for p, r in rows])
        valid = tokens != PAD
        logits = policy(tokens, positions_of(valid), attended(valid))[:, start - 1 : -1]
        loss = F.cross_entropy(logits.flatten(0, 1), tokens[:, start:].flatten(), ignore_index=PAD)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % max(steps // 5, 1) == 0:
            say(f"  {step}/{steps} loss {loss.item():.3f}")
