"""Each sickness is said when it begins, not again, and once when it is over."""

import importlib
from pathlib import Path

import pytest

from recipe.hapo.method import HAPO
from recipe.htpo.method import HTPO
from recipe.htpo.objectives import GROUPS
from recipe.runs import health
from recipe.runs.health import SIGNS, HealthLog, Watch
from recipe.token_level.signs import Sign

ALL = (*SIGNS, *HTPO.signs, *HAPO.signs)


def said(check, values):
    """{step: sentence}; a value of None is a step without the metric."""
    watch = Watch(check)
    steps = {i: {} if x is None else {check.metric: x} for i, x in enumerate(values, start=1)}
    return {step: sentence for step, metrics in steps.items() if (sentence := watch.look(step, metrics))}


def only(metric):
    return next(c for c in ALL if c.metric == metric)


SICK = [
    # metric, a sound value, a sick one, what the sentence must say
    (
        "actor/entropy",
        0.3,
        0.01,
        "actor/entropy is 0.01 nats (mean of 5 steps; sound is more than 0.02 nats): the policy hardly",
    ),
    ("response_length/mean", 8000.0, 500.0, "collapsed"),
    ("rollouts/all_right_share", 0.2, 0.97, "rollouts/all_right_share is 97.0%"),
    ("rollouts/all_wrong_share", 0.2, 1.0, "too hard and teach nothing; train on easier data"),
    ("htpo/hard_wrong_high/outside_clip_share", 0.01, 0.5, "the group hard_wrong_high too far; lower actor_rollout_ref.actor"),
    ("htpo/easy_wrong_low/token_share", 0.1, 0.0, "no token of the group easy_wrong_low; lower htpo.difficulty_threshold"),
    ("htpo/hard_correct_high/token_share", 0.1, 0.0, "raise htpo.difficulty_threshold"),
    ("hapo/low_entropy/outside_clip_share", 0.01, 0.5, "the low-entropy tokens too far"),
    ("hapo/high_entropy/token_share", 0.2, 0.0, "no token of the high-entropy tokens"),
]


@pytest.mark.parametrize(("metric", "sound", "sick"), [row[:3] for row in SICK])
def test_a_sickness_begins_is_not_repeated_and_ends(metric, sound, sick):
    check = only(metric)
    n = check.window
    found = said(check, [sound] * n + [sick] * 3 * n + [sound] * 2 * n + [sick] * 2 * n)
    begin, end, again = found
    assert n < begin <= 2 * n
    assert 4 * n < end <= 5 * n
    assert 6 * n < again <= 7 * n
    assert found[end].startswith(f"{metric} is ")
    assert found[end].endswith(f"the warning of step {begin} is over")
    assert "\n" not in found[begin]


@pytest.mark.parametrize(("metric", "sound", "sick", "sentence"), SICK)
def test_the_sentence_has_the_number_the_name_and_what_to_try(metric, sound, sick, sentence):
    check = only(metric)
    steps = [sick] * check.window
    (found,) = said(check, steps if check.least_of_greatest is None or check.least else [sound] * 5 + steps).values()
    assert found.startswith(f"{metric} is ")
    assert sentence in found
    assert check.advice in found


def test_a_group_without_tokens_is_said_after_twenty_steps():
    for metric in ("htpo/easy_wrong_low/token_share", "hapo/high_entropy/token_share"):
        assert not said(only(metric), [0.0] * 19)
        assert list(said(only(metric), [0.0] * 21)) == [20]
        assert not said(only(metric), ([0.0] * 19 + [0.01]) * 3)


def test_hard_prompts_have_two_sides():
    hard = [c for c in HTPO.signs if c.metric == "htpo/hard_prompt_share"]
    for value, words in ((1.0, "nearly all prompts are hard"), (0.0, "nearly all prompts are easy")):
        found = [s for c in hard for s in said(c, [value] * 10).values()]
        assert len(found) == 1
        assert words in found[0]
    assert not [s for c in hard for s in said(c, [0.5] * 50).values()]


def test_a_fall_from_a_high_start_is_seen_above_the_least_value():
    check = only("actor/entropy")
    found = said(check, [2.0] * 5 + [0.1] * 10)
    assert len(found) == 1
    assert "it was 2 nats" in next(iter(found.values()))
    assert not said(check, [0.1] * 50)


def test_one_odd_step_a_gap_and_what_is_no_number_say_nothing():
    check = only("rollouts/all_right_share")
    assert not said(check, [0.5] * 5 + [1.0] + [0.5] * 5)
    assert not said(check, [1.0] * 4)
    assert list(said(check, [1.0, None, 1.0, float("nan"), 1.0, 1.0, float("inf"), 1.0])) == [8]
    assert not said(check, ["much"] * 9)


def test_a_value_on_the_limit_is_not_said_again_and_again():
    check = Sign("x", "m", "a", most=0.3, window=1)
    assert list(said(check, [0.31, 0.29, 0.31, 0.28, 0.31, 0.26, 0.31])) == [1, 6, 7]
    check = Sign("x", "m", "a", least=1.0, window=1)
    assert list(said(check, [0.9, 1.05, 0.9, 1.11, 0.9])) == [1, 4, 5]
    check = Sign("x", "m", "a", least_of_greatest=0.1, window=1)
    assert list(said(check, [10.0, 1.0, 1.05, 1.0, 1.11, 1.0])) == [2, 5, 6]


def test_a_sound_run_and_every_metric_missing_say_nothing(capsys):
    log = HealthLog(HTPO.signs)
    sound = {c.metric: 0.1 for c in (*SIGNS, *HTPO.signs)} | {"htpo/hard_prompt_share": 0.5, "response_length/mean": 900.0}
    sound["rollouts/failed_share"] = 0.0
    for step in range(1, 60):
        log.log(sound, step)
        log.log({}, step)
    assert capsys.readouterr() == ("", "")


def test_the_log_warns_on_stderr_with_the_step(capsys):
    log = HealthLog(HAPO.signs)
    for step in range(1, 12):
        log.log({"hapo/high_entropy/outside_clip_share": 0.6 if step < 6 else 0.0}, step)
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(
        "warning: step 5: hapo/high_entropy/outside_clip_share is 60.0% (mean of 5 steps; sound is less than"
    )
    assert second.startswith("note: step 8: hapo/high_entropy/outside_clip_share is 24.0%")


def test_a_run_is_watched_for_the_signs_of_all_and_of_its_method(capsys):
    """`fit` assigns the Tracking that it has made to `logger`."""
    from verl.trainer.ppo.v1 import get_trainer_cls
    from verl.utils.tracking import Tracking

    importlib.import_module("recipe.htpo.trainer")
    trainer = object.__new__(get_trainer_cls("htpo_sync"))
    trainer.total_training_steps, trainer.global_steps = 300, 0
    trainer.logger = Tracking("project", "run", [])
    for step in range(1, 6):
        trainer.logger.log(data={"actor/entropy": 0.01, "htpo/hard_prompt_share": 1.0}, step=step)
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("warning: step 5: actor/entropy is 0.01 nats")
    assert second.startswith("warning: step 5: htpo/hard_prompt_share is 100.0%")


def test_every_group_is_watched_and_shared_code_knows_none():
    for name in GROUPS:
        for kind in ("outside_clip_share", "token_share"):
            assert only(f"htpo/{name}/{kind}")
    text = Path(health.__file__).read_text().lower()
    assert not any(word in text for word in ("htpo", "hapo", "hard_"))
