"""Hard prompts and right answers, from verl's row keys."""

import numpy as np
import pytest

from recipe.htpo.difficulty import label_rows


def label(rows, threshold=0.6, padding=()):
    keys = [key for key, _ in rows]
    acc = np.array([float("nan") if acc is None else acc for _, acc in rows])
    return label_rows(keys, acc, np.array([key in padding for key in keys]), threshold)


def test_a_prompt_is_hard_below_the_threshold_and_easy_at_it():
    at = [(f"p_{i}_0", i < 3) for i in range(5)]  # 3 of 5 right: 0.6
    below = [(f"q_{i}_0", i < 2) for i in range(5)]
    labels = label(at + below)
    assert labels.hard.tolist() == [False] * 5 + [True] * 5
    assert labels.correct.tolist() == [True] * 3 + [False] * 2 + [True] * 2 + [False] * 3
    assert labels.hard_prompt_share == 0.5
    assert labels.correct_share == 0.5


@pytest.mark.parametrize(("n", "right"), [(5, 3), (10, 6), (15, 9), (20, 12), (16 * 5, 48)])
def test_the_border_is_exact_for_every_group_size(n, right):
    assert not label([(f"p_{i}_0", i < right) for i in range(n)]).hard.any()
    assert label([(f"p_{i}_0", i < right - 1) for i in range(n)]).hard.all()


def test_no_right_and_no_wrong_answers():
    assert label([("p_0_0", 0), ("p_1_0", 0)]).hard.all()
    assert not label([("p_0_0", 1), ("p_1_0", 1)]).hard.any()


def test_rows_in_any_order():
    rows = [("p_0_0", 1), ("q_0_0", 0), ("p_1_0", 0), ("q_1_0", 0), ("p_2_0", 1)]
    labels, reversed_labels = label(rows), label(rows[::-1])
    assert labels.hard.tolist() == reversed_labels.hard.tolist()[::-1] == [False, True, False, True, False]
    assert labels.correct.tolist() == reversed_labels.correct.tolist()[::-1]


def test_a_session_of_several_outputs_counts_once_by_its_last():
    # One session with three outputs (right at the end), one wrong session: accuracy 1/2, not 3/4 or 2/4.
    rows = [("p_0_10", 1), ("p_0_2", 0), ("p_0_9", None), ("p_1_0", 0)]
    labels = label(rows, threshold=0.5)
    assert labels.hard.tolist() == [False] * 4
    assert label(rows, threshold=0.51).hard.all()
    assert labels.correct.tolist() == [True, True, True, False]
    assert labels.correct_share == 0.5


def test_prompt_uids_may_contain_underscores():
    labels = label([("a_b_0_0", 1), ("a_b_1_0", 1), ("a_c_0_0", 0), ("a_c_1_0", 0)])
    assert labels.hard.tolist() == [False, False, True, True]


def test_padding_rows_count_nowhere():
    rows = [("p_0_0", 1), ("p_1_0", 1), ("pad_0_0", None), ("pad_1_0", None)]
    labels = label(rows, padding={"pad_0_0", "pad_1_0"})
    assert labels.hard_prompt_share == 0.0
    assert labels.correct_share == 1.0


def test_a_batch_of_padding_alone_has_shares_of_zero():
    labels = label([("pad_0_0", None)], padding={"pad_0_0"})
    assert (labels.hard_prompt_share, labels.correct_share) == (0.0, 0.0)


def test_a_missing_verdict_is_named():
    with pytest.raises(ValueError, match=r"no 'acc' for 1 of 2 responses \(first: p_1_0\).*'score' and 'acc'"):
        label([("p_0_0", 1), ("p_1_0", None)])


def test_a_verdict_that_is_neither_right_nor_wrong_is_named():
    with pytest.raises(ValueError, match=r"acc=0.5 for p_1_0.*0 or 1"):
        label([("p_0_0", 1), ("p_1_0", 0.5)])
