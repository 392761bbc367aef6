"""Entropy-shaped advantages (arXiv:2506.14758): the bonus by hand, and what it must never do."""

import pytest
import torch

from examples.entropy_shaping.algorithm import EntropyShapingConfig, bonus_metrics, entropy_bonus
from tests.pure_support import random_batch


def test_the_bonus_by_hand():
    entropy = torch.tensor([[0.5, 2.0, 2.0, 0.0, 2.0]], dtype=torch.float64)
    advantages = torch.tensor([[1.0, 1.0, -0.5, 1.0, 0.0]], dtype=torch.float64)
    bonus = entropy_bonus(entropy, advantages, EntropyShapingConfig(alpha=0.4, kappa=2.0))
    torch.testing.assert_close(bonus, torch.tensor([[0.2, 0.5, 0.25, 0.0, 0.0]], dtype=torch.float64))


@pytest.mark.parametrize("config", [EntropyShapingConfig(), EntropyShapingConfig(alpha=100.0, kappa=1.01)])
def test_a_bonus_lifts_and_never_turns_the_sign(config):
    batch = random_batch()
    bonus = entropy_bonus(batch["entropy"], batch["advantages"], config)
    assert (bonus >= 0).all()
    assert (bonus > 0).any()
    assert torch.equal((batch["advantages"] + bonus).sign(), batch["advantages"].sign())


def test_the_entropy_is_a_constant_to_the_gradient():
    entropy = torch.rand(2, 3, requires_grad=True)
    assert not entropy_bonus(entropy, torch.ones(2, 3), EntropyShapingConfig()).requires_grad


def test_a_sick_entropy_is_not_hidden():
    assert entropy_bonus(torch.tensor([[torch.nan]]), torch.ones(1, 1), EntropyShapingConfig()).isnan().all()


def test_metrics_are_means_over_the_response_tokens():
    bonus, advantages = torch.tensor([[0.2, 0.5], [0.25, 9.0]]), torch.tensor([[1.0, 1.0], [-0.5, 0.0]])
    found = bonus_metrics(bonus, advantages, torch.tensor([[1, 1], [1, 0]]), kappa=2.0)
    assert found == {
        "entropy_shaping/bonus": pytest.approx(0.95 / 3),
        "entropy_shaping/capped_share": pytest.approx(2 / 3),
    }


@pytest.mark.parametrize(
    ("values", "message"),
    [({"alpha": -0.1}, "entropy_shaping.alpha is -0.1"), ({"kappa": 1.0}, "entropy_shaping.kappa is 1.0.* greater than 1")],
)
def test_values_out_of_range_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        EntropyShapingConfig(**values)
