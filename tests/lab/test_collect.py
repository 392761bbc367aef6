"""A step's batch: dynamic sampling, what belongs together, stale policies; and pass@k."""

import itertools
import random

import pytest
import torch

from recipe.adaptive_temperature.settings import AdaptiveTemperatureConfig
from recipe.lab.collect import Collector, Stale
from recipe.lab.evaluate import evaluate, held_out, pass_at
from recipe.lab.policy import Policy, Sizes
from recipe.lab.rollout import Characters
from recipe.lab.tasks.countdown import Countdown
from recipe.lab.temperature import AdaptiveTemperature


class Luck(Countdown):
    """A response is right if its length is odd; problems with the target 0 are hopeless."""

    def verify(self, problem, response):
        return len(response) % 2 == 1 and problem.truth[1] > 0


class Never(Countdown):
    def verify(self, problem, response):
        return False


TASK = Luck(numbers_min=2, numbers_max=2, largest=3)
OFF = AdaptiveTemperature(AdaptiveTemperatureConfig())


def policy(copies):
    made = Policy(Sizes(Characters(TASK.characters).size, width=16, layers=1, heads=2, key_heads=1, head=8, inner=16), copies)
    made.initialise(torch.Generator().manual_seed(0))
    return made


def collected(seeds, rounds, prompts=6, n=4):
    collector = Collector(TASK, seeds, prompts, n, rounds, 1.0, "cpu")
    return collector.step(policy(len(seeds)), OFF)


def test_prompt_and_responses_and_verdicts_belong_together():
    found = collected([0, 1], rounds=3)
    characters = Characters(TASK.characters)
    assert len(found.problems) == len(found.acc) == len(found.rollouts.tokens) == 2 * 6 * 4
    for row, problem in enumerate(found.problems):
        ids = found.rollouts.tokens[row, : -found.rollouts.width]
        assert characters.decode(ids[ids != 0].tolist()) == problem.prompt
        text = characters.decode(found.rollouts.responses[row].tolist())
        length = int(found.rollouts.response_mask[row].sum())
        assert bool(found.acc[row]) == (len(text[:length]) % 2 == 1 and problem.truth[1] > 0)
    assert found.prompt.bincount().tolist() == [4] * 12


def test_prompts_whose_answers_are_all_alike_are_drawn_anew():
    kept, filtered = collected([0], rounds=0), collected([0], rounds=50)

    def alike(found):
        means = found.acc.view(-1, 4).mean(1)
        return int(((means == 0) | (means == 1)).sum())

    assert alike(kept) > 0
    assert kept.drawn == [6]
    assert kept.all_wrong == [0]
    assert alike(filtered) == 0
    assert filtered.drawn[0] == 6 + filtered.all_right[0] + filtered.all_wrong[0]
    assert filtered.all_wrong[0] > 0


def test_a_seed_that_finds_too_few_fills_up_with_what_it_dropped():
    hopeless = Collector(TASK, [0], 4, 2, 2, 1.0, "cpu")
    same = TASK.problem(random.Random(8))
    hopeless.seeds[0].problems = lambda number: [same] * number
    hopeless.task = Never()
    found = hopeless.step(policy(1), OFF)
    assert found.acc.tolist() == [0.0] * 8
    assert found.drawn == found.all_wrong == [8]


@pytest.mark.parametrize("rounds", [0, 3])
def test_a_seed_is_the_same_whatever_runs_beside_it(rounds):
    alone, beside = collected([1], rounds), collected([0, 1, 2], rounds)
    rows = slice(24, 48)
    assert [p.prompt for p in alone.problems] == [p.prompt for p in beside.problems[rows]]
    width = alone.rollouts.width
    assert alone.rollouts.responses.tolist() == beside.rollouts.responses[rows, :width].tolist()
    assert alone.acc.tolist() == beside.acc[rows].tolist()


def test_a_stale_policy_is_as_many_steps_old():
    trained = policy(1)
    stale, seen = Stale(trained, 2), []
    for step in range(5):
        with torch.no_grad():
            trained.weights["last_norm"].fill_(step)
        seen.append(stale.now().weights["last_norm"].mean().item())
    assert seen == [0, 0, 0, 1, 2]
    assert Stale(trained, 0).now() is trained


def test_pass_at_k_is_that_of_all_choices():
    right, samples = torch.tensor([0, 1, 3, 5]), 5
    for k in (1, 2, 5):
        for r, value in zip(right.tolist(), pass_at(right, samples, k).tolist(), strict=True):
            answers = [True] * r + [False] * (samples - r)
            exact = [any(chosen) for chosen in itertools.combinations(answers, k)]
            assert value == pytest.approx(sum(exact) / len(exact))


def test_an_evaluation_counts_the_same_however_it_is_cut(monkeypatch):
    from recipe.lab import evaluate as module

    problems = held_out(TASK, 5)
    whole = evaluate(policy(2), TASK, problems, 8, seed=1)
    assert torch.equal(whole[0][0], whole[0][1])  # equal copies have the same noise
    assert (whole[1] <= whole[0]).all()
    assert 0 < whole[0].sum() < 2 * 5 * 8
    monkeypatch.setattr(module, "ROWS", 30)
    assert torch.equal(evaluate(policy(2), TASK, problems, 8, seed=1)[0], whole[0])
