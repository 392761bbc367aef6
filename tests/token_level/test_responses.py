"""Which responses of a step were cut off, and which have no answer."""

import numpy as np
import pytest

from recipe.token_level.responses import response_metrics


def metrics(lengths, infos, padding=0, keys=None):
    keys = keys or [f"p{i}_0_0" for i in range(len(lengths))]
    extras = [None if info is None else {"reward_extra_info": info} for info in infos]
    return response_metrics(keys, np.arange(len(keys)) >= len(keys) - padding, np.array(lengths), extras, longest=8)


def test_responses_at_the_limit_are_cut_off():
    assert metrics([8, 7, 3, 8], [{}] * 4) == {"rollouts/cut_off_share": 0.5}
    assert metrics([3, 3], [{}] * 2) == {"rollouts/cut_off_share": 0.0}  # as long as the longest of the step, and not cut off


def test_padding_and_all_but_the_last_output_of_a_session_do_not_count():
    assert metrics([8, 2, 8], [{}] * 3, padding=1) == {"rollouts/cut_off_share": 0.5}
    assert metrics([8, 2], [{}] * 2, keys=["p_0_0", "p_0_1"]) == {"rollouts/cut_off_share": 0.0}
    assert metrics([8], [{}], padding=1) == {}


@pytest.mark.parametrize(
    ("infos", "share"),
    [
        ([{"answered": 1.0}, {"answered": 0.0}], 0.5),
        ([{"answered": 1.0, "pred": ""}, {"answered": True, "pred": ""}], 0.0),  # an answer may be empty
        ([{"pred": "4"}, {"pred": " "}], 0.5),
        ([{"pred": ""}, {"pred": ""}], 1.0),
    ],
)
def test_the_reward_function_says_what_has_an_answer(infos, share):
    assert metrics([1, 1], infos)["rollouts/unanswered_share"] == share


@pytest.mark.parametrize("infos", [[{}, {}], [None, None], [{"pred": "4"}, {}], [{"pred": None}, {"pred": 3}]])
def test_without_its_word_there_is_no_such_metric(infos):
    assert "rollouts/unanswered_share" not in metrics([1, 1], infos)
