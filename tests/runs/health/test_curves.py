"""The signs on recorded runs: none speaks of a healthy one, and each sick one is seen within so many steps.

curves/README.md says how the runs were made.
"""

import pytest

from recipe.hapo.method import HAPO
from recipe.htpo.method import HTPO
from recipe.runs.health import SIGNS
from tests.runs.health.curves import recorded, studied
from tests.runs.health.watching import begun, only, said_of

HEALTHY = ("htpo-12", "hapo-resumed", "tau")
STUDY = studied()
SICK = [
    # run, metric, kind of limit, the step in which it must have been said
    ("certain", "training/rollout_probs_diff_mean", "Grown", 5),
    ("logprobs-mode", "training/rollout_probs_diff_mean", "Grown", 5),
    ("learning-rate", "rollouts/cut_off_share", "Most", 5),
    ("learning-rate", "rollouts/all_wrong_share", "Most", 6),
]


def test_the_studys_curves_are_there():
    assert len(STUDY) == 40
    assert all(len(steps) == 30 and "actor/grad_norm" in steps[1] for steps in STUDY.values())


@pytest.mark.parametrize("run", STUDY)
def test_nothing_is_said_of_the_studys_runs_but_that_their_prompts_begin_hard(run):
    assert begun(STUDY[run], SIGNS) == []
    methods = {(metric, kind) for _, metric, kind in begun(STUDY[run], (*HTPO.signs, *HAPO.signs))}
    assert methods <= {("htpo/hard_prompt_share", "Most")}


def test_what_is_said_of_the_study_s_hard_prompts_is_true_and_ends():
    sign = next(s for s in HTPO.signs if s.metric == "htpo/hard_prompt_share" and s.limit.upper)
    said = {run: said_of(sign, steps) for run, steps in STUDY.items()}
    assert sum(bool(sentences) for sentences in said.values()) == 17  # above 95 % in the first five or six steps
    assert all(len(sentences) in (0, 2) and min(sentences, default=5) <= 6 for sentences in said.values())


@pytest.mark.parametrize("run", HEALTHY)
def test_nothing_is_said_of_a_healthy_demo(run):
    steps = recorded(run)
    assert len(steps) >= 10
    assert begun(steps, SIGNS) == []


@pytest.mark.parametrize(("run", "metric", "kind", "by"), SICK)
def test_a_sick_run_is_seen(run, metric, kind, by):
    first = min(said_of(only(metric, kind), recorded(run)))
    assert first <= by
