"""Which responses are dumped."""

import numpy as np

from recipe.runs.token_dump.choice import choose_rows, order_of, solve_rates
from recipe.token_level.rows import Rows


def batch(**rights):
    """Keys and verdicts of prompts given as e.g. a="1100", one digit a session."""
    keys = [f"{name}_{i}_0" for name, digits in rights.items() for i in range(len(digits))]
    return keys, np.array([float(d) for digits in rights.values() for d in digits])


def chosen(keys, right, responses=8, tokens=10**6, length=None, padding=(), order=None):
    names = sorted({key.split("_")[0] for key in keys})
    rows = choose_rows(
        keys,
        right,
        np.array([key in padding for key in keys]),
        length or [10] * len(keys),
        [names.index(key.split("_")[0]) if order is None else order[key.split("_")[0]] for key in keys],
        responses,
        tokens,
    )
    return [keys[row] for row in rows]


def test_a_hard_and_an_easy_prompt_with_right_and_wrong_answers():
    keys, right = batch(a="11111111", b="00000000", c="01100000", d="11011011", e="11100000")
    assert chosen(keys, right) == ["c_1_0", "c_0_0", "c_2_0", "c_3_0", "d_0_0", "d_2_0", "d_1_0", "d_5_0"]
    assert chosen(keys, right, responses=3) == ["c_1_0", "c_0_0", "c_2_0"]


def test_the_rows_order_decides_nothing_the_prompts_order_does():
    keys, right = batch(a="0110", b="1000", c="0111")
    shuffle = np.random.default_rng(0).permutation(len(keys))
    assert chosen([keys[i] for i in shuffle], right[shuffle]) == chosen(keys, right)
    assert (
        chosen(keys, right, order={"a": 1, "b": 2, "c": 0})[4:]
        == chosen(keys, right, order={"a": 1, "b": 2, "c": 0}, responses=99)[4:8]
    )
    assert chosen(keys, right, responses=8, order={"a": 5, "b": 2, "c": 0})[4].startswith("c")
    assert chosen(keys, right, responses=8, order={"a": 0, "b": 2, "c": 5})[4].startswith("a")


def test_without_mixed_prompts_the_others_are_taken_and_all_if_there_is_room():
    keys, right = batch(a="1111", b="000000")
    assert len(chosen(keys, right, responses=99)) == 10
    assert [key[0] for key in chosen(keys, right, responses=5)] == list("aaaab")


def test_tokens_are_bounded_and_no_response_is_cut():
    keys, right = batch(a="1100")
    assert chosen(keys, right, length=[50, 60, 30, 10], tokens=95) == ["a_0_0", "a_2_0", "a_3_0"]
    assert chosen(keys, right, length=[50, 60, 30, 10], tokens=5) == []


def test_padding_is_left_out_and_a_session_gives_its_last_output():
    keys, right = batch(a="10", pad="00")
    keys, right = [*keys, "a_0_1"], np.append(right, 1.0)
    got = chosen(keys, right, padding={"pad_0_0", "pad_1_0"})
    assert sorted(got) == ["a_0_1", "a_1_0"]


def test_solve_rates_count_sessions_and_are_nan_without_a_verdict():
    keys, right = batch(a="1000", b="11")
    keys, right = [*keys, "a_0_1"], np.append(right, 1.0)
    rates = solve_rates(Rows.of(keys), right, np.zeros(len(keys), bool))
    assert rates.tolist() == [0.25] * 4 + [1.0] * 2 + [0.25]
    right[0] = right[6] = np.nan
    rates = solve_rates(Rows.of(keys), right, np.zeros(len(keys), bool))
    assert np.isnan(rates[[0, 1, 2, 3, 6]]).all()
    assert rates[4] == 1.0


def test_the_order_follows_from_step_and_prompt():
    assert order_of(3, [1, 2]) == order_of(3, [1, 2])
    assert len({order_of(3, [1, 2]), order_of(4, [1, 2]), order_of(3, [1, 3])}) == 3
