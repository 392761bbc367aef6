"""Whether the reward's `thinking` goes with the chat template."""

import pytest

from recipe.rlvr_math.reward.thinking import TAGS
from recipe.runs.preflight import thinking, tokenizer
from recipe.runs.preflight.thinking import _TAG
from tests.runs.preflight.support import check

OWN = "reward.custom_reward_function.path=pkg://recipe.rlvr_math.reward.score"
ARGUMENT = "+reward.custom_reward_function.reward_kwargs.thinking="
PLAIN = "{{ messages[0].content }}"
OPENS, CLOSES = PLAIN + "<think>", PLAIN + "<think></think>"
KNOWS = PLAIN + "{% if false %}</think>{% endif %}"


@pytest.fixture
def of_template(run):
    def of_template(template, *overrides):
        built = run(f"actor_rollout_ref.model.custom_chat_template='{template}'", *overrides)
        tokenizer.check_tokenizer(built)
        return thinking.check_thinking(built)

    return of_template


@pytest.mark.parametrize("pair", TAGS)
def test_the_tags_of_the_reward_are_found(pair):
    opening, closing = (_TAG.fullmatch(tag) for tag in pair)
    assert not opening["close"]
    assert closing["close"]


@pytest.mark.parametrize(("template", "needed"), [(PLAIN, "none"), (CLOSES, "none"), (KNOWS, "model"), (OPENS, "prompt")])
def test_the_mode_that_the_template_is_for_passes(of_template, template, needed):
    check(of_template(template, OWN, ARGUMENT + needed), "pass", f".*thinking={needed}")


def test_another_mode_is_named(of_template):
    check(of_template(OPENS, OWN), "warn", ".*opens <think>.*thinking=none", ".*thinking=prompt")
    check(of_template(KNOWS, OWN), "warn", ".*knows </think>", ".*thinking=model")
    check(of_template(PLAIN, OWN, ARGUMENT + "prompt"), "fail", ".*no thinking.*no answer", ".*thinking=none")
    check(of_template(PLAIN, OWN, ARGUMENT + "model"), "pass", ".*as a whole")


def test_of_another_reward_it_is_said_only_that_the_template_thinks(of_template):
    check(of_template(OPENS, "reward.custom_reward_function.path=mine.py"), "pass", ".*opens <think>.*own affair")
    none = "reward.custom_reward_function.path=null"
    check(of_template(OPENS, none), "warn", ".*verl's reward functions", ".*thinking=prompt")
    check(of_template(PLAIN, none), "pass", ".*no thinking")
