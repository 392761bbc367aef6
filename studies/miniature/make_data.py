"""Make the study's problems in verl's format: `python -m studies.miniature.make_data OUT_DIR`. Seconds.

All problems of 3 or 4 numbers from 1 to 9 and a target from 10 to 99 are enumerated; a problem's difficulty is the exact
probability that one random attempt solves it. Training: 2,400 problems, test: 30 others, a third of each difficulty.
"""

from __future__ import annotations

import random
import sys
from itertools import combinations_with_replacement
from pathlib import Path

import datasets

from recipe.rlvr_math.data.data_files import write_data
from studies.miniature.task import hit_probability

DIFFICULTIES = {"easy": (0.08, 0.25), "medium": (0.03, 0.08), "hard": (0.01, 0.03)}  # probability of one random attempt
TRAIN, TEST = 800, 10  # problems of each
SEED = 0


def problems_of(difficulty: str) -> list[tuple[tuple[int, ...], int]]:
    """All problems of a difficulty, as sorted numbers and target."""
    low, high = DIFFICULTIES[difficulty]
    return [
        (numbers, target)
        for count in (3, 4)
        for numbers in combinations_with_replacement(range(1, 10), count)
        for target, probability in sorted(hit_probability(numbers).items())
        if 10 <= target <= 99 and low <= probability < high
    ]


def split() -> dict[str, list[tuple[str, tuple[int, ...], int]]]:
    """{"train", "test"}: shuffled (difficulty, numbers in random order, target), without a problem in both."""
    rng = random.Random(SEED)
    parts: dict[str, list] = {"train": [], "test": []}
    for difficulty in DIFFICULTIES:
        drawn = rng.sample(problems_of(difficulty), TRAIN + TEST)
        for i, (numbers, target) in enumerate(drawn):
            parts["test" if i < TEST else "train"].append((difficulty, tuple(rng.sample(numbers, len(numbers))), target))
    for rows in parts.values():
        rng.shuffle(rows)
    return parts


def question(numbers: tuple[int, ...], target: int) -> str:
    """The prompt, which is also the ground truth."""
    return f"{','.join(map(str, numbers))}={target}"


def main(out: str) -> None:
    """Write train.parquet and test.parquet into `out`."""
    datasets.disable_progress_bars()
    for part, rows in split().items():
        table = [
            {
                "data_source": f"reach_target_{difficulty}",
                "prompt": [{"role": "user", "content": question(numbers, target)}],
                "ability": "math",
                "reward_model": {"style": "rule", "ground_truth": question(numbers, target)},
                "extra_info": {"split": part, "index": i},
            }
            for i, (difficulty, numbers, target) in enumerate(rows)
        ]
        write_data(Path(out) / f"{part}.parquet", table, {"dataset": "reach the target", "template": "{problem}"})
        print(f"{out}/{part}.parquet: {len(table)} problems")


if __name__ == "__main__":
    main(sys.argv[1])
