"""The study's task: what is reached how easily, which answers count, which problems are for the test alone."""

import random

import pytest

from studies.miniature.make_data import DIFFICULTIES, split
from studies.miniature.make_model import demonstration
from studies.miniature.reward import compute_score
from studies.miniature.task import combine, hit_probability, is_solution, moves, random_attempt


@pytest.mark.parametrize(
    ("attempt", "right"),
    [
        ("3*5=15,15-2=13", True),
        ("5*3=15,15-2=13", True),
        ("3*5=15,15-3=12", False),  # not the target
        ("3*5=15,2-15=13", False),  # wrong arithmetic
        ("3*5=14,14-2=13", False),
        ("3*5=15,15-2=13,13+0=13", False),  # 0 is not given
        ("3+5=8,8+5=13", False),  # 5 twice, 2 never
        ("3*5=15", False),
        ("15-2=13", False),
        ("3*5=15,15-2=13,", False),
        ("3*5=015,15-2=13", False),
        ("3*5=15, 15-2=13", False),
        ("", False),
    ],
)
def test_an_answer_is_right_if_it_uses_each_number_once_and_ends_with_the_target(attempt, right):
    assert is_solution([3, 5, 2], 13, attempt) is right


def test_values_are_integers_from_0_to_99():
    assert [combine(8, op, 3) for op in "+-*/"] == [11, 5, 24, None]
    assert [combine(8, "/", 4), combine(3, "-", 8), combine(20, "*", 5), combine(3, "/", 0)] == [2, None, None, None]
    assert combine(3, "-", 3) == 0
    # A value on the way counts as any other number: it is used once.
    assert is_solution([2, 2, 4, 1], 7, "2+2=4,4+4=8,8-1=7")
    assert not is_solution([2, 2, 4, 1], 7, "2+2=4,4+4=8,4-1=3")


def test_hit_probability_is_that_of_random_attempts():
    numbers, rng, count = (2, 3, 5, 7), random.Random(0), 20_000
    exact = hit_probability(numbers)
    assert sum(exact.values()) == pytest.approx(1)
    values = [random_attempt(numbers, rng)[1] for _ in range(count)]
    assert set(values) <= set(exact)
    for target, probability in exact.items():
        assert values.count(target) / count == pytest.approx(probability, abs=5 * (probability / count) ** 0.5 + 1e-9)


def test_every_random_attempt_is_legal():
    rng = random.Random(1)
    for _ in range(200):
        numbers = [rng.randint(1, 9) for _ in range(rng.choice((3, 4)))]
        text, value = random_attempt(numbers, rng)
        assert is_solution(numbers, value, text)
    assert moves((1, 1)) == [("1+1=2", (2,)), ("1-1=0", (0,)), ("1*1=1", (1,)), ("1/1=1", (1,))] * 2


def test_the_test_problems_are_in_no_training_data_and_of_their_difficulty():
    parts = split()
    plain = {part: {(tuple(sorted(numbers)), target) for _, numbers, target in rows} for part, rows in parts.items()}
    assert {part: len(problems) for part, problems in plain.items()} == {"train": 2400, "test": 30}
    assert not plain["train"] & plain["test"]
    for difficulty, numbers, target in parts["test"] + parts["train"]:
        low, high = DIFFICULTIES[difficulty]
        assert low <= hit_probability(tuple(sorted(numbers)))[target] < high
    assert split() == parts
    rng = random.Random(2)
    for _ in range(3000):
        prompt, response = demonstration(rng, plain["test"])
        numbers, target = prompt.split("=")
        assert (tuple(sorted(map(int, numbers.split(",")))), int(target)) not in plain["test"]
        assert len(response) <= 96


def test_reward_judges_the_last_line():
    def acc(response):
        return compute_score("reach_target_easy", response, "3,5,2=13")["acc"]

    assert acc("3+5=8,8+2=10\n3*5=15,15-2=13") == 1
    assert acc("3*5=15,15-2=13\n3+5=8,8+2=10") == 0
    assert acc("3*5=15,15-2=13\n") == 1
    assert acc("") == 0
    assert compute_score("", "3+5=8,8+2=10", "3,5,2=13")["pred"] == "3+5=8,8+2=10"
