"""mean@k and pass@k on problems that are not trained on."""

from __future__ import annotations

import math
import random

import torch

from recipe.lab.policy import Policy
from recipe.lab.rollout import Characters, sample
from recipe.lab.tasks import Problem, Task

ROWS = 4096  # at a time, of all seeds


def held_out(task: Task, number: int) -> list[Problem]:
    """The same for all seeds and methods."""
    rng = random.Random("held out")
    return [task.problem(rng) for _ in range(number)]


def evaluate(policy: Policy, task: Task, problems: list[Problem], k: int, seed: int, temperature: float = 1.0):
    """Sample k responses to each problem from each copy.

    Returns:
        `[S, number of problems]` counts of right ones, and of distinct right ones; int64.
    """
    characters = Characters(task.characters)
    device = policy.weights["embedding"].device
    prompts = characters.left_padded([problem.prompt for problem in problems], task.max_prompt, device)
    generator = torch.Generator().manual_seed(seed)
    right = torch.zeros(policy.copies, len(problems), dtype=torch.long)
    distinct = torch.zeros_like(right)
    found: list[list[set]] = [[set() for _ in problems] for _ in range(policy.copies)]
    at_once = max(1, ROWS // (policy.copies * len(problems)))
    for first in range(0, k, at_once):
        number = min(at_once, k - first)
        rows = prompts.repeat(number, 1)
        noise = torch.rand(len(rows), task.max_response + 1, generator=generator).to(device)  # the same for all copies
        rollouts = sample(policy, rows.repeat(policy.copies, 1), noise.repeat(policy.copies, 1), temperature)
        texts = iter([characters.decode(ids) for ids in rollouts.responses.tolist()])
        for s in range(policy.copies):
            for _ in range(number):
                for p, problem in enumerate(problems):
                    text = next(texts)
                    if task.verify(problem, text):
                        right[s, p] += 1
                        found[s][p].add(task.solution(problem, text))
    for s in range(policy.copies):
        distinct[s] = torch.tensor([len(its) for its in found[s]])
    return right, distinct


def pass_at(right: torch.Tensor, samples: int, k: int) -> torch.Tensor:
    """The chance that one of k is right, unbiased (arXiv:2107.03374); right: `[...]` counts among `samples`."""
    wrong = samples - right
    table = torch.tensor([0.0 if c < k else math.comb(c, k) / math.comb(samples, k) for c in range(samples + 1)])
    return 1 - table.double()[wrong]
