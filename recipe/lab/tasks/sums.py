"""Sums with each column written out: `8+7,5+6=`, which is 58 + 67, is answered `8+7=15,5+6+1=12;521`.

Long chains of easy steps and one answer that counts, its digits in the order in which they are found. The warm start makes a
slip in a share of the columns and goes on with it, so the chance of a right answer falls with the number of columns: short
sums are easy, long ones hard.
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

    digits_min: int = 3
    digits_max: int = 6
    shown_max: int = 6
    slips: float = 0.15
    characters: str = "0123456789+=,;"

    @property
    def max_prompt(self) -> int:
        return 4 * self.digits_max

    @property
    def max_response(self) -> int:
        return 10 * self.digits_max + 1

    def problem(self, rng: random.Random) -> Problem:
        columns = [(rng.randrange(10), rng.randrange(10)) for _ in range(rng.randint(self.digits_min, self.digits_max))]
        digits, carry = [], 0
        for a, b in columns:
            carry, digit = divmod(a + b + carry, 10)
            digits.append(str(digit))
        answer = "".join(digits) + (str(carry) if carry else "")
        return Problem(",".join(f"{a}+{b}" for a, b in columns) + "=", (tuple(columns), answer), len(columns))

    def shown(self, problem: Problem) -> bool:
        return problem.level <= self.shown_max

    def demonstration(self, problem: Problem, rng: random.Random) -> str:
        parts, digits, carry = [], "", 0
        for a, b in problem.truth[0]:
            total = a + b + carry
            if rng.random() < self.slips:
                total = max(total + rng.choice((-1, 1)), 0)
            parts.append(f"{a}+{b}" + (f"+{carry}" if carry else "") + f"={total}")
            carry, digit = divmod(total, 10)
            digits += str(digit)
        return f"{','.join(parts)};{digits}" + (str(carry) if carry else "")

    def verify(self, problem: Problem, response: str) -> bool:
        return response.rpartition(";")[2] == problem.truth[1]

    def solution(self, problem: Problem, response: str) -> str:
        return response
