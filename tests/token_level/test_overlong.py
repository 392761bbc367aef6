"""Which responses overlong filtering takes for truncated."""

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from recipe.token_level.overlong import overlong_filtering, truncated_rows

END, OTHER, TOKEN = 2, 9, 5


def rows(keys, responses, padding=()):
    nested = torch.nested.as_nested_tensor([torch.tensor(ids, dtype=torch.int64) for ids in responses], layout=torch.jagged)
    is_padding = np.array([key in padding for key in keys])
    return truncated_rows(keys, nested, 3, {END, OTHER}, is_padding).tolist()


def test_a_full_response_without_an_end_is_truncated():
    given = [[TOKEN] * 3, [TOKEN, TOKEN, END], [TOKEN, TOKEN, OTHER], [TOKEN] * 2, [END, TOKEN, TOKEN], [TOKEN]]
    expected = [True, False, False, False, True, False]
    keys = [f"p_{i}_0" for i in range(6)]
    assert rows(keys, given) == expected
    order = [3, 0, 5, 2, 4, 1]
    assert rows([keys[i] for i in order], [given[i] for i in order]) == [expected[i] for i in order]


def test_a_session_is_truncated_if_its_last_output_is():
    keys = ["p_0_1", "p_0_0", "p_1_0", "p_1_1", "pad_0_0"]
    given = [[TOKEN] * 3, [TOKEN, END], [TOKEN] * 3, [TOKEN, END], [TOKEN] * 3]
    assert rows(keys, given, padding=["pad_0_0"]) == [True, True, False, False, False]


def test_the_switch_is_read_and_checked():
    assert not overlong_filtering(OmegaConf.create({})).enabled
    assert overlong_filtering(OmegaConf.create({"overlong_filtering": {"enabled": True}})).enabled
    for node in ({"enabled": "yes"}, {"enable": True}):
        with pytest.raises(ValueError, match="overlong_filtering"):
            overlong_filtering(OmegaConf.create({"overlong_filtering": node}))
