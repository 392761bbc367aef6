"""Sessions and prompts from verl's row keys."""

import torch

from recipe.token_level.rows import Rows

KEYS = ["p_1_0", "a_b_0_2", "p_0_10", "a_b_0_10", "p_0_9", "a_b_1_0", "pad_0_0"]


def test_rows_of_a_session_and_sessions_of_a_prompt():
    rows = Rows.of(KEYS)
    assert [[i for i, s in enumerate(rows.session) if s == session] for session in sorted(set(rows.session))] == [
        *([1, 3], [5]),  # a_b
        *([2, 4], [0]),  # p
        [6],
    ]
    assert rows.last_row.tolist() == [3, 5, 2, 0, 6]  # output 10 comes after 9 and 2
    assert [len({rows.prompt[i] for i in group}) for group in ([1, 3, 5], [0, 2, 4], [6])] == [1, 1, 1]
    assert len(set(rows.prompt)) == 3
    assert (rows.prompt_of_session[rows.session] == rows.prompt).all()


def test_a_row_has_the_reward_of_its_sessions_last_output():
    table = torch.arange(14, dtype=torch.float32).reshape(7, 2)  # sums 1, 5, 9, ...
    rewards = Rows.of(KEYS).rewards(table)
    assert rewards.dtype == torch.float64  # a group's deviation is divided by, so its rounding must not count
    assert rewards.tolist() == [1.0, 13.0, 9.0, 13.0, 9.0, 21.0, 25.0]
