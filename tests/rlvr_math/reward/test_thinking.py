"""Which part of a response may hold the answer, in training, evaluation and the command that explains a verdict."""

import pytest

from recipe.rlvr_math.reward.judge import main
from recipe.rlvr_math.reward.score import compute_score
from recipe.rlvr_math.reward.thinking import MODES, TAGS, after_thinking

BOX = r"\boxed{5}"
INSIDE = f"<think>so {BOX}"


def acc(response, **keywords):
    return compute_score("math", response, "5", **keywords)["acc"]


def test_an_unclosed_thought_with_a_box_counts_for_base_models_only():
    assert acc(INSIDE) == 1.0
    assert acc(INSIDE, thinking="model") == 0.0
    assert acc(INSIDE.removeprefix("<think>"), thinking="prompt") == 0.0


@pytest.mark.parametrize(
    ("response", "model", "prompt"),
    [
        (f"<think>a</think>{BOX}", BOX, BOX),
        (f"a</think>{BOX}", BOX, BOX),  # the prompt has opened it
        (f"<think>{BOX}</think> so", " so", " so"),
        (f"<think>{BOX}", "", ""),
        (BOX, BOX, ""),
        (f"<think>a</think>x<think>b</think>{BOX}", BOX, BOX),  # several blocks: behind the last
        (f"<think>a</think>{BOX}<think>b", "", ""),  # opened again
        (f"<think>the tag </think> is odd</think>{BOX}", BOX, BOX),
        ("", "", ""),
    ],
)
def test_what_follows_the_last_closing_tag_counts(response, model, prompt):
    assert after_thinking(response, "none") == response
    assert after_thinking(response, "model") == model
    assert after_thinking(response, "prompt") == prompt


@pytest.mark.parametrize(("opening", "closing"), TAGS)
def test_the_tags_of_public_models_are_known(opening, closing):
    for mode in MODES[1:]:
        assert acc(f"{opening}4{closing} {BOX}", thinking=mode) == 1.0
        assert acc(f"{opening}{BOX}", thinking=mode) == 0.0
        assert acc(f"{opening}{BOX}{closing} Answer: 4", thinking=mode) == 0.0


def test_other_tags_are_a_setting():
    response = f"<plan>{BOX}"
    assert acc(response, thinking="model") == 1.0
    assert acc(response, thinking="model", thinking_tags=[["<plan>", "</plan>"]]) == 0.0


def test_wrong_settings_are_named():
    with pytest.raises(ValueError, match="thinking is 'yes'; it must be one of none, model, prompt"):
        acc(BOX, thinking="yes")
    for tags in ([], ["<think>"], [["", "</think>"]], [["<think>"]]):
        with pytest.raises(ValueError, match=r"thinking_tags is .*pairs"):
            acc(BOX, thinking="model", thinking_tags=tags)


def test_the_judge_explains_by_the_same_rule(capsys):
    main(["5", INSIDE, "--thinking", "model"])
    assert "verdict    wrong" in capsys.readouterr().out
    main(["5", INSIDE])
    assert "verdict    right" in capsys.readouterr().out
