"""verl's three metrics of a policy loss: in closed form, and verl's own where ratios and advantages are at their extremes."""

import pytest
import torch
from verl.trainer.ppo.core_algos import compute_policy_loss_vanilla

from recipe.token_level.clip_metrics import NAMES, clip_metrics


def found(log_ratio, advantages, mask):
    ratio = log_ratio.exp()
    dual = (advantages < 0) & (ratio > 10.0)
    values = clip_metrics(log_ratio, advantages, ratio > 1.28, ratio < 0.8, dual, mask.float())
    return dict(zip(NAMES, values.tolist(), strict=True))


def test_every_token_in_closed_form():
    log_ratio = torch.tensor([[0.5, 0.5, 0.5, -0.5, -0.5, -0.5, 3.0, 0.0]])
    advantages = torch.tensor([[1.0, -1.0, 0.0, 1.0, -1.0, 0.0, -1.0, 1.0]])
    metrics = found(log_ratio, advantages, torch.ones(1, 8))
    # lost to the clip: above it and encouraged, below it and discouraged; an advantage of 0 loses nothing
    assert metrics == pytest.approx({NAMES[0]: 2 / 8, NAMES[1]: -3.0 / 8, NAMES[2]: 1 / 8})


def test_the_extremes_are_verls(actor_config):
    log_ratio = torch.tensor([[30.0, -30.0, 30.0, -30.0, 0.5, 0.0], [25.0, 1.0, -1.0, 0.0, 0.0, 0.0]])
    advantages = torch.tensor([[1.0, 1.0, -1.0, -1.0, 0.0, 0.0], [0.0, -1.0, 0.0, 2.0, 1.0, 1.0]])
    mask = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0]])
    old = torch.full_like(log_ratio, -1.0)
    _, expected = compute_policy_loss_vanilla(old, old + log_ratio, advantages, mask, "token-mean", actor_config())
    assert found(log_ratio, advantages, mask) == pytest.approx(expected, abs=1e-6)


def test_what_is_outside_the_mask_is_not_seen_and_no_token_is_no_share():
    log_ratio = torch.tensor([[0.5, float("nan")]])
    metrics = found(log_ratio, torch.tensor([[1.0, float("nan")]]), torch.tensor([[1, 0]]))
    assert metrics == {NAMES[0]: 1.0, NAMES[1]: -0.5, NAMES[2]: 0.0}
    assert found(log_ratio, torch.ones(1, 2), torch.zeros(1, 2)) == dict.fromkeys(NAMES, 0.0)
