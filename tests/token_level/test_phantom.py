"""The share of prompts of equal verdicts that have advantages, for both methods."""

import numpy as np
import pytest
import torch

from recipe.hapo.method import HAPO
from recipe.htpo.method import HTPO
from recipe.runs.health import HealthLog
from recipe.token_level.phantom import phantom_metrics

KEYS = ["p_0_0", "p_1_0", "q_0_0", "q_1_0", "r_0_0", "r_1_0", "pad_0_0"]
MASK = torch.tensor([[1, 1]] * 6 + [[0, 0]])
NAME = "hapo/phantom_advantage_share"


def share(acc, first, mask=MASK):
    advantages = torch.tensor(first)[:, None] * mask
    return phantom_metrics("hapo", KEYS, np.array(acc), advantages, mask)


def test_prompts_of_equal_verdicts_with_an_advantage_are_counted():
    # p is all wrong and has some, q all right and has none, r has both verdicts
    assert share([0, 0, 1, 1, 0, 1, 0], [0.1, -0.1, 0, 0, 1, -1, 0]) == {NAME: 0.5}
    assert share([0, 1, 1, 0, 0, 1, 0], [0.1, -0.1, 0, 0, 1, -1, 0]) == {NAME: 0.0}
    assert share([np.nan, 0, 1, 1, 0, 1, 0], [0.0] * 7) == {}
    assert share([0, 0, 1, 1, 0, 1, np.nan], [0.0] * 7) == {NAME: 0.0}


def test_a_rejected_response_does_not_make_verdicts_differ():
    mask = MASK.clone()
    mask[5] = 0
    assert share([0, 1, 1, 0, 0, 1, 0], [0.0, 0, 0, 0, 0.5, 0, 0], mask) == {NAME: 1.0}


@pytest.mark.parametrize("method", [HTPO, HAPO])
def test_many_of_them_are_warned_of_once(method, capsys):
    log = HealthLog(method.signs)
    for step in range(1, 8):
        log.log({f"{method.name}/phantom_advantage_share": 0.5}, step)
    said = capsys.readouterr().err
    assert said.count("warning") == 1
    assert "by a penalty alone" in said
