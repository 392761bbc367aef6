"""Reach a target from given numbers with + - * /: what can be reached, how easily, and whether an answer does.

A problem is a few numbers and a target, "3,5,2=13". An attempt combines two of the numbers at a time until one is left,
"3*5=15,15-2=13". A response is any number of attempts, one a line; the last line is the answer.
"""

from __future__ import annotations

import itertools
import random
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache

LARGEST = 99  # of any value on the way
_STEP = re.compile(r"(\d{1,2})([-+*/])(\d{1,2})=(\d{1,2})")


def combine(a: int, operator: str, b: int) -> int | None:
    """The value, if it is an integer from 0 to LARGEST."""
    quotient = a // b if b and a % b == 0 else -1
    value = {"+": a + b, "-": a - b, "*": a * b, "/": quotient}[operator]
    return value if 0 <= value <= LARGEST else None


def moves(numbers: Sequence[int]) -> list[tuple[str, tuple[int, ...]]]:
    """All next steps: the text of each, and the numbers after it, sorted."""
    found = []
    for i, j in itertools.permutations(range(len(numbers)), 2):
        rest = [number for k, number in enumerate(numbers) if k not in (i, j)]
        for operator in "+-*/":
            value = combine(numbers[i], operator, numbers[j])
            if value is not None:
                found.append((f"{numbers[i]}{operator}{numbers[j]}={value}", tuple(sorted([*rest, value]))))
    return found


def random_attempt(numbers: Sequence[int], rng: random.Random) -> tuple[str, int]:
    """An attempt whose steps are drawn uniformly from `moves`: its text and its value."""
    steps = []
    while len(numbers) > 1:
        step, numbers = rng.choice(moves(numbers))
        steps.append(step)
    return ",".join(steps), numbers[0]


@cache
def hit_probability(numbers: tuple[int, ...]) -> dict[int, float]:
    """{target: probability that one random attempt has it}, exactly. numbers: sorted."""
    if len(numbers) == 1:
        return {numbers[0]: 1.0}
    total: Counter[int] = Counter()
    following = moves(numbers)
    for _, rest in following:
        for target, probability in hit_probability(rest).items():
            total[target] += probability / len(following)
    return dict(total)


def is_solution(numbers: Sequence[int], target: int, attempt: str) -> bool:
    """Whether an attempt uses each number once, computes rightly, and ends with the target."""
    left = Counter(numbers)
    steps = [_STEP.fullmatch(step) for step in attempt.split(",")]
    if len(steps) != len(numbers) - 1 or None in steps:
        return False
    for step in steps:
        a, operator, b, value = int(step[1]), step[2], int(step[3]), int(step[4])
        left.subtract([a, b])
        if min(left.values()) < 0 or combine(a, operator, b) != value:
            return False
        left[value] += 1
    return +left == Counter([target])
