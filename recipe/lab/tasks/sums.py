"""Sums with each column written out: `58+67=` is answered `8+7=15;5+6+1=12;125`.

Long chains of easy steps, one right final answer. The warm start makes a slip in a share of the columns and goes on with it,
so the chance of a right answer falls with the number of columns: short sums are easy, long ones hard.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from recipe.lab.tasks.task import Problem


@dataclass(frozen=True)
class Sums:
    """digits_min, digits_max: of the summands. shown_max: of those in demonstrations; longer ones are not shown.
    slips: share of the columns that a demonstration gets wrong.
    """

    digits_min: int = 4
    digits_max: int = 8
    shown_max: int = 8
    slips: float = 0.12
    characters: str = "0123456789+=;"

    def shown(self, problem: Problem) -> bool:
        return problem.level <= self.shown_max

    @property
    def max_prompt(self) -> int:
        return 2 * self.digits_max + 2

    @property
    def max_response(self) -> int:
        return 10 * self.digits_max + 1

    def problem(self, rng: random.Random) -> Problem:
        digits = rng.randint(self.digits_min, self.digits_max)
        a, b = (rng.randrange(10 ** (digits - 1), 10**digits) for _ in range(2))
        return Problem(f"{a}+{b}=", a + b, digits)

    def demonstration(self, problem: Problem, rng: random.Random) -> str:
        a, b = problem.prompt.rstrip("=").split("+")
        parts, carry, answer = [], 0, ""
        for x, y in zip(map(int, reversed(a)), map(int, reversed(b)), strict=True):
            total = x + y + carry
            if rng.random() < self.slips:
                total = max(total + rng.choice((-1, 1)), 0)
            parts.append(f"{x}+{y}" + (f"+{carry}" if carry else "") + f"={total}")
            answer, carry = str(total % 10) + answer, total // 10
        return ";".join([*parts, (str(carry) if carry else "") + answer])

    def verify(self, problem: Problem, response: str) -> bool:
        return response.rpartition(";")[2] == str(problem.truth)

    def solution(self, problem: Problem, response: str) -> str:
        return response
