"""A step's batch: problems, rollouts of a policy that may be some updates old, rewards; with DAPO's dynamic sampling."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass

import torch

from recipe.lab.policy import Policy
from recipe.lab.rollout import Characters, Rollouts, sample
from recipe.lab.tasks import Problem, Task


@dataclass
class Collected:
    """rollouts: of R = S * prompts * n rows. problems: `[R]`. acc: `[R]` float64. prompt: `[R]`, a number each.

    drawn, all_right, all_wrong: `[S]` prompts that were sampled for it, and those dropped as all answers were right (wrong).
    """

    rollouts: Rollouts
    problems: list[Problem]
    acc: torch.Tensor
    prompt: torch.Tensor
    drawn: list[int]
    all_right: list[int]
    all_wrong: list[int]


class Seed:
    """What one seed draws from: its own problems and its own noise, whatever runs beside it."""

    def __init__(self, task: Task, seed: int):
        self.task = task
        self._problems = random.Random(f"problems {seed}")
        self._noise = torch.Generator().manual_seed(1_000_003 * (seed + 1))

    def problems(self, number: int) -> list[Problem]:
        return [self.task.problem(self._problems) for _ in range(number)]

    def noise(self, rows: int, width: int) -> torch.Tensor:
        """`[rows, width]` uniform."""
        return torch.rand(rows, width, generator=self._noise)


class Collector:
    """prompts, n: of a step, and responses to each. rounds: how often prompts whose answers are all right or all wrong are
    drawn anew (0: they stay); a seed that has too few by then fills up with those.
    """

    def __init__(self, task: Task, seeds: list[int], prompts: int, n: int, rounds: int, temperature: float, device):
        self.task, self.prompts, self.n, self.rounds, self.temperature = task, prompts, n, rounds, temperature
        self.seeds = [Seed(task, seed) for seed in seeds]
        self.characters = Characters(task.characters)
        self.device = device

    def step(self, policy: Policy, adaptive) -> Collected:
        """adaptive: an `AdaptiveTemperature`."""
        kept: list[list] = [[] for _ in self.seeds]  # of each seed: (problem, rows of its rollouts, acc)
        spare: list[list] = [[] for _ in self.seeds]
        drawn, right, wrong = ([0] * len(self.seeds) for _ in range(3))
        for _ in range(max(self.rounds, 1)):
            problems = [
                seed.problems(self.prompts) if len(kept[s]) < self.prompts else None for s, seed in enumerate(self.seeds)
            ]
            if not any(problems):
                break
            rollouts, acc = self._sample(policy, problems, adaptive)
            acc = acc.view(len(self.seeds), self.prompts, self.n)
            for s, its in enumerate(problems):
                for p, problem in enumerate(its or ()):
                    if len(kept[s]) == self.prompts:
                        break
                    drawn[s] += 1
                    share = acc[s, p].mean().item()
                    one = (problem, rollouts, (s * self.prompts + p) * self.n, acc[s, p])
                    if self.rounds and share in (0.0, 1.0):
                        spare[s].append(one)
                        right[s] += share == 1
                        wrong[s] += share == 0
                    else:
                        kept[s].append(one)
        chosen = [(kept[s] + spare[s])[: self.prompts] for s in range(len(self.seeds))]
        every = [one for its in chosen for one in its]
        return Collected(
            rollouts=self._joined(every),
            problems=[problem for problem, *_ in every for _ in range(self.n)],
            acc=torch.cat([acc for *_, acc in every]),
            prompt=torch.arange(len(every), device=self.device).repeat_interleave(self.n),
            drawn=drawn,
            all_right=right,
            all_wrong=wrong,
        )

    def _sample(self, policy: Policy, problems: list[list[Problem] | None], adaptive) -> tuple[Rollouts, torch.Tensor]:
        """n responses to each; a seed that wants none answers one of its own problems, which nobody looks at."""
        filled = next(its for its in problems if its)
        rows = [problem for its in problems for problem in (its or filled) for _ in range(self.n)]
        each = self.prompts * self.n
        width = self.task.max_response + 1
        noise = [
            seed.noise(each, width) if its else torch.zeros(each, width) for seed, its in zip(self.seeds, problems, strict=True)
        ]
        prompts = self.characters.left_padded([problem.prompt for problem in rows], self.task.max_prompt, self.device)
        parameters = adaptive.parameters(each, self.device)
        rollouts = sample(policy, prompts, torch.cat(noise).to(self.device), self.temperature, parameters)
        texts = [self.characters.decode(ids) for ids in rollouts.responses.tolist()]
        acc = [float(self.task.verify(problem, text)) for problem, text in zip(rows, texts, strict=True)]
        return rollouts, torch.tensor(acc, dtype=torch.float64, device=self.device)

    def _joined(self, chosen: list) -> Rollouts:
        """The chosen rows of all rounds, with responses of one width."""
        width = max(rollouts.width for _, rollouts, _, _ in chosen)
        parts = []
        for _, rollouts, first, _ in chosen:
            part, more = rollouts.rows(torch.arange(first, first + self.n)), width - rollouts.width
            parts.append(
                [torch.nn.functional.pad(x, (0, more)) for x in (part.tokens, part.valid, part.response_mask, part.log_prob)]
            )
        return Rollouts(*(torch.cat(column) for column in zip(*parts, strict=True)))


class Stale:
    """The policy that samples: the trained one as it was `steps` steps ago."""

    def __init__(self, policy: Policy, steps: int):
        self.policy, self.steps = policy, steps
        self.sampler = policy if steps == 0 else Policy(policy.sizes, policy.copies).to(policy.weights["embedding"].device)
        self._past: deque = deque(maxlen=steps + 1)

    def now(self) -> Policy:
        """Called once at the beginning of each step."""
        if self.steps:
            self._past.append({name: value.clone() for name, value in self.policy.state_dict().items()})
            self.sampler.load_state_dict(self._past[0])
        return self.sampler
