"""Active tokens in closed form."""

import math
from types import SimpleNamespace
from unittest import SkipTest

import torch

from recipe.primitives.active import active, clip_slope
from tests.pure_support import DEVICE

CLIP = SimpleNamespace(clip_ratio_low=0.2, clip_ratio_high=0.28, clip_ratio_c=10.0)


def tensor(*values):
    return torch.tensor([values], dtype=torch.float64, device=DEVICE)


def test_dapos_slope_by_hand():
    ratio = tensor(0.1, 0.79, 0.81, 1.0, 1.27, 1.29, 9.9, 10.1, math.exp(-21), math.exp(21))
    for advantage, kept in {1.5: (1, 1, 1, 1, 1, 0, 0, 0, 0, 0), -1.5: (0, 0, 1, 1, 1, 1, 1, 0, 0, 0)}.items():
        found = clip_slope(ratio, torch.full_like(ratio, advantage), CLIP)
        assert found.tolist()[0] == [-advantage * r if k else 0 for r, k in zip(ratio.tolist()[0], kept, strict=True)]


def test_it_is_the_derivative_of_verls_loss():
    try:
        from verl.trainer.ppo import core_algos
        from verl.workers.config import FSDPActorConfig
    except ImportError:
        raise SkipTest("verl is not there") from None

    g = torch.Generator().manual_seed(0)
    log_prob = (1.5 * torch.randn(50, 40, generator=g, dtype=torch.float64)).requires_grad_()
    advantages = torch.randn(50, 40, generator=g, dtype=torch.float64)
    config = FSDPActorConfig(
        rollout_n=8, ppo_micro_batch_size_per_gpu=1, clip_ratio_low=0.2, clip_ratio_high=0.28, clip_ratio_c=10.0
    )
    old, mask = torch.zeros_like(log_prob), torch.ones_like(log_prob)
    core_algos.compute_policy_loss_vanilla(old, log_prob, advantages, mask, "token-mean", config)[0].backward()
    slope = clip_slope(log_prob.detach().exp(), advantages, CLIP)
    torch.testing.assert_close(slope / slope.numel(), log_prob.grad, rtol=1e-12, atol=1e-16)
    assert (slope == 0).any()


def test_a_token_is_active_where_the_slope_is_another():
    ratio, advantages = tensor(1.0, 1.0, 1.5, 1.5, 0.5, 1.0, 1.0), tensor(1.0, 2.0, 1.0, 1.0, -1.0, 0.0, math.nan)
    slope = tensor(-1.0, 0.0, 0.0, -1.28, -0.8, 0.0, math.nan)
    #       as DAPO's, silenced, clipped alike, kept above, kept below, no advantage, NaN
    assert active(slope, ratio, advantages, CLIP).tolist() == [[False, True, False, True, True, False, True]]
