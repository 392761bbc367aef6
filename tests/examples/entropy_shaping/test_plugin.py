"""The registered loss and estimator: closed form of loss and gradient, what the estimator leaves, errors."""

import numpy as np
import pytest
import torch
from verl.trainer.ppo.core_algos import compute_grpo_outcome_advantage, compute_policy_loss_vanilla, get_adv_estimator_fn
from verl.trainer.ppo.core_algos import get_policy_loss_fn as loss_of
from verl.workers.config import FSDPActorConfig, PolicyLossConfig

import examples.entropy_shaping.plugin  # noqa: F401  (registers)
from examples.entropy_shaping.algorithm import EntropyShapingConfig, entropy_bonus
from examples.entropy_shaping.method import ENTROPY_SHAPING
from recipe.token_level.context import EstimatorInputs, LossInputs, handing_estimator, handing_loss
from recipe.token_level.method import require_registered
from tests.pure_support import random_batch

LOW, HIGH, DUAL = 0.2, 0.28, 3.0


@pytest.fixture
def config():
    return FSDPActorConfig(
        rollout_n=8,
        ppo_micro_batch_size_per_gpu=1,
        clip_ratio_low=LOW,
        clip_ratio_high=HIGH,
        clip_ratio_c=DUAL,
        policy_loss=PolicyLossConfig(loss_mode="entropy_shaping"),
    )


def call(batch, bonus, config):
    """(loss, gradient) of the registered loss."""
    log_prob = batch["log_prob"].clone().requires_grad_()
    with handing_loss(LossInputs(EntropyShapingConfig(), {"entropy_bonus": bonus})):
        rows = (batch["old_log_prob"], log_prob, batch["advantages"], batch["response_mask"])
        loss, _ = loss_of("entropy_shaping")(*rows, "token-mean", config, None)
    loss.backward()
    return loss.detach(), log_prob.grad


def test_loss_and_gradient_in_closed_form(config):
    batch = random_batch(rows=16, seed=5)
    batch["log_prob"] = batch["old_log_prob"] + 2 * (batch["log_prob"] - batch["old_log_prob"])  # far enough for the dual clip
    bonus = entropy_bonus(batch["entropy"], batch["advantages"], EntropyShapingConfig())
    loss, gradient = call(batch, bonus, config)

    shaped, mask = batch["advantages"] + bonus, batch["response_mask"]
    ratio = (batch["log_prob"] - batch["old_log_prob"]).exp()
    factor = torch.where(shaped > 0, ratio.clamp(max=1 + HIGH), ratio.clamp(1 - LOW, DUAL))
    slope = torch.where(factor == ratio, ratio, 0)  # d ratio / d log_prob, where nothing is clipped
    assert {bool(x) for x in (factor == ratio)[mask & (shaped < 0)]} == {True, False}
    assert ((ratio > DUAL) & (shaped < 0) & mask).any()
    torch.testing.assert_close(loss, -(shaped * factor)[mask].sum() / mask.sum(), rtol=1e-12, atol=1e-14)
    expected = torch.where(mask, -shaped * slope, 0) / mask.sum()
    torch.testing.assert_close(gradient, expected, rtol=1e-12, atol=1e-16)


def test_without_a_bonus_it_is_verls_own_loss(config):
    batch = random_batch()
    rows = (batch["old_log_prob"], batch["log_prob"], batch["advantages"], batch["response_mask"])
    expected, _ = compute_policy_loss_vanilla(*rows, "token-mean", config)
    bonus = entropy_bonus(batch["entropy"], batch["advantages"], EntropyShapingConfig(alpha=0))
    assert call(batch, bonus, config)[0] == expected


def test_the_estimator_has_grpos_advantages_and_leaves_the_bonus():
    g = torch.Generator().manual_seed(0)
    mask = (torch.arange(6) < torch.tensor([3, 6, 1, 2])[:, None]).long()
    rewards = torch.zeros(4, 6)
    rewards[torch.arange(4), mask.sum(dim=1) - 1] = torch.tensor([1.0, 0.0, 0.0, 1.0])
    inputs = EstimatorInputs(
        settings=EntropyShapingConfig(),
        keys=["p_0_0", "q_0_0", "p_1_0", "q_1_0"],
        is_padding=np.zeros(4, dtype=bool),
        entropy=torch.rand(4, 6, generator=g) * 3 * mask,
        acc=np.full(4, np.nan),
    )
    with handing_estimator(inputs):
        advantages, returns = get_adv_estimator_fn("entropy_shaping")(token_level_rewards=rewards, response_mask=mask)
    expected, _ = compute_grpo_outcome_advantage(rewards, mask.float(), np.array(["p", "q", "p", "q"]))
    torch.testing.assert_close(advantages, expected)
    assert returns is advantages
    bonus = inputs.token_fields["entropy_bonus"]
    torch.testing.assert_close(bonus, entropy_bonus(inputs.entropy, expected, EntropyShapingConfig()))
    assert (bonus[mask == 0] == 0).all()
    assert inputs.metrics["entropy_shaping/bonus"] == pytest.approx(bonus[mask == 1].mean().item())
    assert 0 < inputs.metrics["entropy_shaping/capped_share"] < 1


def test_outside_its_own_trainer_both_say_how_to_start(config):
    how = r"python -m examples\.entropy_shaping\.main"
    with pytest.raises(ValueError, match=how):
        get_adv_estimator_fn("entropy_shaping")(token_level_rewards=torch.zeros(1, 2), response_mask=torch.ones(1, 2))
    batch = random_batch(rows=2)
    rows = (batch["old_log_prob"], batch["log_prob"], batch["advantages"], batch["response_mask"])
    with pytest.raises(ValueError, match=f"without entropy_bonus.*{how}"):
        loss_of("entropy_shaping")(*rows, "token-mean", config)


def test_the_method_is_registered_under_its_name():
    require_registered(ENTROPY_SHAPING)
