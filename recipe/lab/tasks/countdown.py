"""Numbers to a target: `3,7,2>8:` is answered with all of them, once each, joined by operators: `3+7-2`.

Many right answers to most problems, no steps between: who explores finds more of them.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import dataclass

from recipe.lab.tasks.task import Problem

_ALLOWED = re.compile(r"[1-9]\d*([+*-][1-9]\d*)*")


@dataclass(frozen=True)
class Countdown:
    """numbers: of a problem, each from 1 to `largest`. operators: some of `+-*`. right: share of the demonstrations that reach
    the target; the others join the numbers at random.
    """

    numbers_min: int = 3
    numbers_max: int = 4
    largest: int = 9
    operators: str = "+-"
    right: float = 0.3
    characters: str = "0123456789+-*,>:"

    @property
    def max_prompt(self) -> int:
        return 3 * self.numbers_max + 5

    @property
    def max_response(self) -> int:
        return 3 * self.numbers_max

    def problem(self, rng: random.Random) -> Problem:
        while True:
            numbers = [rng.randint(1, self.largest) for _ in range(rng.randint(self.numbers_min, self.numbers_max))]
            made = self._expression(numbers, rng)
            if 0 <= (target := value(made)) < 1000:
                return Problem(f"{','.join(map(str, numbers))}>{target}:", (tuple(numbers), target, made), len(numbers))

    def _expression(self, numbers: list[int], rng: random.Random) -> str:
        drawn = rng.sample(numbers, len(numbers))
        return "".join(f"{rng.choice(self.operators)}{n}" for n in drawn)[1:]

    def shown(self, problem: Problem) -> bool:
        return True

    def demonstration(self, problem: Problem, rng: random.Random) -> str:
        numbers, _, made = problem.truth
        return made if rng.random() < self.right else self._expression(list(numbers), rng)

    def verify(self, problem: Problem, response: str) -> bool:
        numbers, target, _ = problem.truth
        if not _ALLOWED.fullmatch(response):
            return False
        used = Counter(int(n) for n in re.findall(r"\d+", response))
        return used == Counter(numbers) and value(response) == target

    def solution(self, problem: Problem, response: str) -> str:
        """The terms with their signs, each with its factors in order."""
        terms = re.findall(r"[+-]?[\d*]+", response)
        return "".join(sorted((t[0] if t[0] in "+-" else "+") + "*".join(sorted(t.lstrip("+-").split("*"))) for t in terms))


def value(expression: str) -> int:
    """Of digits joined by + - *."""
    total = 0
    for sign, term in re.findall(r"([+-]?)([\d*]+)", expression):
        product = 1
        for factor in term.split("*"):
            product *= int(factor)
        total += -product if sign == "-" else product
    return total
