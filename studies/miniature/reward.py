"""The study's verifier, in the form of verl's `reward.custom_reward_function`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # verl loads this file by its path

from studies.miniature.task import is_solution


def compute_score(data_source, solution_str, ground_truth, extra_info=None, **_):
    """Return the reward `score` and the verdict `acc`, 1.0 if the last attempt reaches the target, else 0.0.

    ground_truth: the problem, "3,5,2=13". pred: the last attempt.
    """
    numbers, target = ground_truth.split("=")
    pred = solution_str.strip().rpartition("\n")[2]
    acc = float(is_solution([int(number) for number in numbers.split(",")], int(target), pred))
    return {"score": acc, "acc": acc, "pred": pred}
