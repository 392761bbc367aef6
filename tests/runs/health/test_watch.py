"""Each sickness is said when it begins, not again, and once when it is over."""

import pytest

from recipe.htpo.method import HTPO
from recipe.htpo.objectives import GROUPS
from recipe.runs.health.watch import CALM
from recipe.token_level.signs import Fallen, Least, Most, Sign
from tests.runs.health.watching import ALL, only, said, said_of

MATCH = "val-core/*/mean@*"
SICK = [
    # metric, kind of limit, a sound value, a sick one, what the sentence must say
    ("actor/entropy", "Fallen", 0.3, 0.01, "actor/entropy is 0.01 nats (mean of 5 steps; it was 0.3 nats): the policy hardly"),
    ("actor/entropy", "Grown", 0.3, 28.0, "5.84 nats (mean of 5 steps; it was 0.3 nats): the policy is pushed away"),
    ("training/rollout_probs_diff_mean", None, 0.004, 0.59, "0.121 (mean of 5 steps; it was 0.004): vLLM samples from another"),
    ("training/rollout_actor_probs_pearson_corr", None, 0.998, 0.6, "sound is more than 0.95): the probabilities of vLLM"),
    ("actor/grad_norm", "Most", 0.3, 600.0, "actor/grad_norm is 120 (mean of 5 steps; sound is less than 100): the gradient"),
    ("actor/pg_clipfrac", None, 0.01, 1.0, "actor/pg_clipfrac is 40.6% (mean of 5 steps; sound is less than 30.0%)"),
    ("response_length/mean", "Fallen", 8000.0, 500.0, "collapsed"),
    ("rollouts/cut_off_share", None, 0.02, 0.9, "reach the length limit"),
    ("rollouts/unanswered_share", None, 0.02, 0.9, "no answer that the reward function can read"),
    ("rollouts/failed_share", None, 0.0, 0.01, "rollouts/failed_share is 1.0% (in one step; sound is less than 0.1%)"),
    ("rollouts/all_right_share", None, 0.2, 1.0, "rollouts/all_right_share is 100.0%"),
    ("rollouts/all_wrong_share", None, 0.2, 1.0, "too hard and teach nothing; train on easier data"),
    ("htpo/hard_wrong_high/outside_clip_share", None, 0.01, 0.9, "the group hard_wrong_high too far; lower actor_rollout_ref"),
    (
        "htpo/easy_wrong_low/token_share",
        None,
        0.1,
        0.0,
        "no token of the group easy_wrong_low; lower htpo.difficulty",
    ),
    ("htpo/active_share", None, 0.05, 0.004, "(mean of 20 steps; sound is more than 0.5%): the loss is DAPO's on nearly all"),
    ("hapo/active_share", None, 0.8, 0.001, "adaptive clip and advantage do next to nothing; raise hapo.clip_alpha"),
    ("htpo/hard_correct_high/token_share", None, 0.1, 0.0, "raise htpo.difficulty_threshold"),
    ("hapo/low_entropy/outside_clip_share", None, 0.01, 0.9, "the low-entropy tokens too far"),
    ("hapo/high_entropy/token_share", None, 0.2, 0.0, "no token of the high-entropy tokens"),
]


@pytest.mark.parametrize(("metric", "kind", "sound", "sick", "sentence"), SICK)
def test_a_sickness_begins_is_not_repeated_and_ends(metric, kind, sound, sick, sentence):
    sign = only(metric, kind)
    n = max(sign.limit.window, CALM)
    found = said(sign, [sound] * n + [sick] * 3 * n + [sound] * 3 * n + [sick] * 2 * n)
    begin, end, again = found
    assert n < begin <= 2 * n
    assert 4 * n < end <= 6 * n
    assert 7 * n < again <= 8 * n
    assert sentence in found[begin] or metric == "rollouts/all_right_share"  # its mean is at the limit before it is 100 %
    assert found[begin].startswith(f"{metric} is ")
    assert sign.advice in found[begin]
    assert "\n" not in found[begin]
    assert found[end].startswith(f"{metric} is ")
    assert found[end].endswith(f"the warning of step {begin} is over")


def test_a_group_without_tokens_is_said_after_twenty_steps():
    for metric in ("htpo/easy_wrong_low/token_share", "hapo/high_entropy/token_share"):
        assert not said(only(metric), [0.0] * 19)
        assert list(said(only(metric), [0.0] * 21)) == [20]
        assert not said(only(metric), ([0.0] * 19 + [0.01]) * 3)


def test_dapo_in_all_but_name_is_said_after_twenty_steps():
    for metric in ("htpo/active_share", "hapo/active_share"):
        assert not said(only(metric), [0.0] * 19)
        assert list(said(only(metric), [0.002, 0.006] * 10)) == [20]
        assert not said(only(metric), [0.006] * 100)
        assert not said(only(metric), [None] * 100)  # DAPO's own table


def test_hard_prompts_have_two_sides():
    hard = [s for s in HTPO.signs if s.metric == "htpo/hard_prompt_share"]
    for value, words in ((1.0, "nearly all prompts are hard"), (0.0, "nearly all prompts are easy")):
        found = [s for sign in hard for s in said(sign, [value] * 10).values()]
        assert len(found) == 1
        assert words in found[0]
    assert not [s for sign in hard for s in said(sign, [0.5] * 50).values()]


def test_one_odd_step_a_gap_and_what_is_no_number_say_nothing():
    sign = only("rollouts/all_right_share")
    assert not said(sign, [0.5] * 5 + [1.0] + [0.5] * 5)
    assert not said(sign, [1.0] * 4)
    assert list(said(sign, [1.0, None, 1.0, float("nan"), 1.0, 1.0, float("inf"), 1.0])) == [8]
    assert not said(sign, ["much"] * 9)


@pytest.mark.parametrize(
    ("limit", "values", "over"),
    [
        (Most(0.3, window=1), [0.31, 0.29, 0.31, 0.28, 0.31, *[0.26] * 4, 0.28, *[0.26] * CALM], 15),
        (Least(1.0, window=1), [0.9, 1.05, *[1.11] * 4, 0.9, *[1.11] * CALM], 12),
        (Fallen(0.1, window=1), [10.0, 1.0, 1.05, *[1.11] * 4, 1.0, *[1.11] * CALM], 13),
    ],
)
def test_what_comes_and_goes_at_the_limit_is_said_once(limit, values, over):
    begin = 1 if limit != Fallen(0.1, window=1) else 2
    assert list(said(Sign("x", limit, "m", "a", "s"), values)) == [begin, over]


def test_what_fails_in_every_second_step_is_said_once():
    assert list(said(only("rollouts/failed_share"), [0.0, 0.002] * 50)) == [2]


@pytest.mark.parametrize("metric", ["actor/grad_norm", "rollouts/cut_off_share", "actor/pg_clipfrac"])
def test_what_stays_at_zero_has_not_changed(metric):
    assert not [s for sign in ALL if sign.metric == metric for s in said_of(sign, {i: {metric: 0.0} for i in range(1, 50)})]


def test_neither_a_fall_nor_growth_is_seen_in_nothing():
    zero = {i: {"actor/entropy": 0.0, "response_length/mean": 0.0, "rollouts/acc": 0.0} for i in range(1, 50)}
    assert not said_of(only("actor/entropy", "Fall"), zero)
    assert not said_of(only("response_length/mean", "GrowsWithout"), zero)


def test_a_gradient_far_from_those_before_it_is_said_in_its_step():
    spike = only("actor/grad_norm", "Spike")
    assert list(said(spike, [0.2] * 8 + [5.0] + [0.2] * 8)) == [9, 14]
    assert not said(spike, [0.2] * 4 + [5.0])  # too little to compare with
    assert not said(spike, [0.2, 0.9] * 20)
    assert list(said(spike, [0.2] * 30 + [5.0] * 29)) == [31]  # and not over as long as it stays there


def test_gradients_that_are_not_finite_are_said_when_they_come_again():
    broken = only("actor/grad_norm", "NotFinite")
    nan, inf = float("nan"), float("inf")
    assert list(said(broken, [nan, nan, nan])) == [2]
    assert not said(broken, [0.2] * 9 + [nan] + [0.2] * 30)
    begin, end = said(broken, [0.2, inf, *[0.2] * 9, nan, *[0.2] * 40])
    assert (begin, end) == (12, 26)  # the first is out of the last twenty from step 22 on
    assert not said(broken, [None] * 30)


def test_an_entropy_that_falls_or_rises_fast_is_said_before_it_is_at_its_end():
    fall, rise = only("actor/entropy", "Fall"), only("actor/entropy", "Rise")
    falling = [0.8 * 0.9**i for i in range(60)]
    assert min(said(fall, falling)) == 17
    assert list(said(only("actor/entropy", "Fallen"), falling)) == [27]
    assert not said(fall, [0.8 * 0.97**i for i in range(60)])
    rising = [0.3 * 1.03**i for i in range(80)]
    first = min(said(rise, rising))
    assert first == 19
    assert first < min(said(only("actor/entropy", "Grown"), rising))
    assert not said(rise, [0.02 * 1.03**i for i in range(50)])  # from nearly nothing to hardly more
    assert not said(rise, [0.3 * 1.01**i for i in range(80)])


def test_a_mismatch_that_grows_is_said_before_it_is_large_and_small_ones_may_grow():
    sign = only("training/rollout_probs_diff_mean")
    drifting = [0.004 + 0.0005 * i for i in range(40)]
    assert list(said(sign, drifting)) == [25]
    assert not said(sign, [2e-7] + [0.0019] * 60)  # adaptive temperatures begin after the first step


def validations(pairs):
    """{step: metrics}; a validation after every fifth step, and a reward in all."""
    steps = {}
    for i, (accuracy, reward) in enumerate(pairs):
        for j in range(4):
            steps[5 * i + j + 1] = {"critic/score/mean": reward}
        both = {
            "val-core/aime/acc/mean@32": accuracy,
            "val-core/amc/acc/mean@32": accuracy,
            "val-core/aime/acc/best@32/mean": 0.9,
        }
        steps[5 * i + 5] = {"critic/score/mean": reward} | both
    return steps


def test_a_validation_that_falls_while_the_reward_rises():
    sign = only(MATCH)
    up = [0.3, 0.4, 0.45, 0.5]
    sick = [(v, 0.5 + 0.02 * i) for i, v in enumerate([*up, 0.4, 0.35, 0.3, 0.3, 0.3])]
    ((step, sentence),) = said_of(sign, validations(sick)).items()
    assert step == 30  # the second validation below: 0.375 is less than 0.8 of the mean of 0.45 and 0.5
    assert "is 0.375 (mean of 2 validations; it was 0.475, while critic/score/mean went from 0.56 to 0.6)" in sentence
    assert not said_of(sign, validations([(v, 0.6 - 0.02 * i) for i, v in enumerate([*up, 0.4, 0.35, 0.3])]))  # all falls
    assert not said_of(sign, validations([(v, 0.5) for v in [0.05, 0.04, 0.03, 0.03, 0.03]]))  # too near 0 to say
    assert not said_of(sign, validations([(v, 0.5 + 0.02 * i) for i, v in enumerate([*up, 0.45, 0.5, 0.45])]))
    assert len(said_of(sign, validations([*sick, *[(0.5, 0.7)] * 8]))) == 2


def test_responses_that_grow_while_the_answers_do_not_get_better():
    sign = only("response_length/mean", "GrowsWithout")

    def steps(lengths, accuracies):
        pairs = enumerate(zip(lengths, accuracies, strict=True), start=1)
        return {i: {"response_length/mean": length, "rollouts/acc": acc} for i, (length, acc) in pairs}

    growing = [1000 + 10 * i for i in range(150)]
    flat, better = [0.4] * 150, [0.2 + 0.004 * i for i in range(150)]
    assert not said_of(sign, steps(growing, better))
    worse = [0.5 - 0.001 * i for i in range(150)]
    ((step, sentence),) = said_of(sign, steps(growing, worse)).items()
    assert step == 75  # 1.5 times the mean of the first twenty steps, 1095
    assert "it was 1,095 tokens when rollouts/acc was at its best" in sentence
    assert not said_of(sign, steps([1000.0] * 150, flat))
    assert not said(sign, growing)  # a reward function without verdicts


def test_every_group_is_watched():
    for name in GROUPS:
        for kind in ("outside_clip_share", "token_share"):
            assert only(f"htpo/{name}/{kind}")
