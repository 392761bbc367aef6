"""Each task: what it draws, what its demonstrations are, and whether its verifier can tell right from wrong."""

import random

import pytest

from recipe.lab.rollout import END, Characters
from recipe.lab.tasks import TASKS
from recipe.lab.tasks.countdown import Countdown, value
from recipe.lab.tasks.graph import Graph
from recipe.lab.tasks.sums import Sums
from recipe.lab.tasks.task import Problem

EACH = pytest.mark.parametrize("kind", TASKS)


def drawn(task, number=200):
    rng = random.Random(3)
    return [(problem := task.problem(rng), task.demonstration(problem, rng)) for _ in range(number)]


@EACH
def test_everything_fits_into_its_width_and_its_characters(kind):
    task = TASKS[kind]()
    characters = Characters(task.characters)
    for problem, demonstration in drawn(task):
        assert len(problem.prompt) <= task.max_prompt
        assert 0 < len(demonstration) <= task.max_response
        ids = characters.encode(demonstration)
        assert characters.decode([*ids, END, 5]) == demonstration  # nothing after the end counts


@EACH
def test_demonstrations_are_right_often_enough_to_begin_with_and_wrong_often_enough_to_learn(kind):
    task = TASKS[kind]()
    right = [task.verify(problem, demonstration) for problem, demonstration in drawn(task)]
    assert 0.15 < sum(right) / len(right) < 0.7


@EACH
def test_the_same_seed_draws_the_same(kind):
    assert drawn(TASKS[kind](), 20) == drawn(TASKS[kind](), 20)


def test_a_sum_is_judged_by_what_comes_last():
    problem = Problem("8+7,5+6=", (((8, 7), (5, 6)), "521"))
    assert Sums().verify(problem, "8+7=15,5+6+1=12;521")
    assert Sums().verify(problem, "521")
    for wrong in ("8+7=15,5+6+1=12;621", "521;", "125", ""):
        assert not Sums().verify(problem, wrong)


def test_a_sums_answer_is_the_sum():
    for problem, _ in drawn(Sums()):
        columns, answer = problem.truth
        a, b = (int("".join(str(column[i]) for column in reversed(columns))) for i in (0, 1))
        assert int(answer[::-1]) == a + b


def test_a_sums_demonstration_without_slips_is_right():
    task = Sums(slips=0.0)
    assert all(task.verify(problem, demonstration) for problem, demonstration in drawn(task))


@pytest.mark.parametrize("text", ["2+3*7-1", "7*3-1+2", "3*7+2-1"])
def test_a_countdown_has_many_right_answers_which_are_one_solution(text):
    problem = Problem("", ((1, 2, 3, 7), 22, ""))
    task = Countdown()
    assert task.verify(problem, text)
    assert task.solution(problem, text) == task.solution(problem, "2+3*7-1")


@pytest.mark.parametrize("text", ["", "22", "2+3*7", "2+3*7-1+0", "2+3*7-1-", "11*2", "2+3*7-01", "2+3**7-1"])
def test_a_countdown_uses_each_number_once(text):
    assert not Countdown().verify(Problem("", ((1, 2, 3, 7), 22, "")), text)


def test_products_come_first():
    assert value("2+3*4-5*2") == 4


def test_a_path_follows_edges_from_the_first_to_the_last():
    problem = Problem("", ("abd", frozenset({"ab", "bd", "ac", "cd"})))
    task = Graph()
    assert task.verify(problem, "abd")
    assert task.verify(problem, "acd")
    for wrong in ("ad", "ab", "bd", "acbd", "", "d"):
        assert not task.verify(problem, wrong)
