"""HAPO's variant `released` computes what the authors' code computed."""

import math
from dataclasses import replace

import torch

from recipe.hapo import HAPOConfig, entropy_score, entropy_statistics, token_level_group_advantage, token_losses
from recipe.hapo.losses import clip_range
from tests import ROOT
from tests.pure_support import load_golden

GOLDEN = sorted((ROOT / "tests/golden").glob("hapo_released_*.npz"))


def cases():
    for path in GOLDEN:
        golden = load_golden(path)
        config = HAPOConfig(
            variant="released", entropy_pivot=golden["pivot"], norm_adv_by_std=golden["norm"], clip_ratio_high=0.28
        )
        yield path.name, golden, config, entropy_statistics(golden["entropy"], golden["response_mask"], config)


def difference(a, b, mask):
    return (a - b)[mask].abs().max().item()


def test_the_golden_files_are_there():
    assert len(GOLDEN) == 4


def test_statistics_and_scores_equal_the_golden_files():
    for name, golden, _, statistics in cases():
        assert math.isclose(statistics.center, golden["median"], rel_tol=1e-12), name
        assert math.isclose(statistics.std, golden["std"], rel_tol=1e-12), name
        assert math.isclose(1 / statistics.max, golden["scale_pos"], rel_tol=1e-12), name
        assert math.isclose(1 / statistics.min, golden["scale_neg"], rel_tol=1e-12), name
        score = entropy_score(golden["entropy"], statistics)
        assert score.dtype == torch.float64
        assert difference(score, golden["h_hat_released"], golden["response_mask"]) < 1e-12, name
        assert score.min() >= 0, name


def test_theclip_range_equals_the_golden_files():
    for name, golden, config, statistics in cases():
        low, high = clip_range(entropy_score(golden["entropy"], statistics), config)
        assert difference(low, golden["clip_low"], golden["response_mask"]) < 1e-12, name
        assert difference(high, golden["clip_high"], golden["response_mask"]) < 1e-12, name


def test_advantages_equal_the_golden_files():
    everywhere = slice(None)  # the released advantages are not 0 in the padding
    for name, golden, config, _ in cases():
        arguments = (golden["token_level_rewards"], golden["response_mask"], golden["uid"])
        advantages = token_level_group_advantage(*arguments, config)
        assert advantages.dtype == torch.float64
        assert difference(advantages, golden["advantages"], golden["response_mask"]) < 1e-12, name
        assert difference(advantages, golden["advantages"], everywhere) < 1e-12, name
        paper = token_level_group_advantage(*arguments, replace(config, variant="paper"))
        assert difference(paper, golden["advantages"] * golden["response_mask"], everywhere) < 1e-12, name


def test_loss_and_gradient_equal_the_golden_files():
    for name, golden, config, statistics in cases():
        mask = golden["response_mask"]
        advantages = token_level_group_advantage(golden["token_level_rewards"], mask, golden["uid"], config)
        log_prob = golden["log_prob"].clone().requires_grad_()
        score = entropy_score(golden["entropy"], statistics)
        losses = token_losses(log_prob, golden["old_log_prob"], advantages, score, config)
        assert losses.dtype == torch.float64
        loss = (losses * mask).sum() / mask.sum()
        loss.backward()
        assert abs(loss.item() - golden["loss"]) < 1e-10, name
        assert (log_prob.grad - golden["grad"]).abs().max() < 1e-10, name


def test_the_paper_variant_is_another_loss():
    """The golden files are able to tell the variants apart."""
    for name, golden, config, _ in cases():
        config = replace(config, variant="paper")
        score = entropy_score(golden["entropy"], entropy_statistics(golden["entropy"], golden["response_mask"], config))
        mask = golden["response_mask"]
        losses = token_losses(golden["log_prob"], golden["old_log_prob"], golden["advantages"], score, config)
        assert abs((losses * mask).sum() / mask.sum() - golden["loss"]) > 1e-4, name
