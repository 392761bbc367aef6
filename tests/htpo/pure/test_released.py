"""The variant `released` computes what the authors' code computed."""

from dataclasses import replace

import torch

from recipe.htpo import GROUPS, HTPOConfig, Objective, partition_tokens, token_losses
from tests.pure_support import GOLDEN, load_golden


def config_of(golden):
    return HTPOConfig(
        variant="released",
        detach_lowest_fraction=golden["detach_low"],
        detach_highest_fraction=golden["detach_high"],
        clip_ratio_low=golden["clip_ratio_low"],
        clip_ratio_high=golden["clip_ratio_high"],
        clip_ratio_c=golden["clip_ratio_c"],
    )


def aggregate(losses, mask, mode):
    per_row = (losses * mask).sum(dim=1)
    if mode == "token_mean":
        return per_row.sum() / mask.sum()
    if mode == "seq_mean_token_mean":
        per_row = per_row / (mask.sum(dim=1) + 1e-8)
    return per_row.sum() / mask.any(dim=1).sum()


def test_the_golden_files_are_there():
    assert len(GOLDEN) == 6


def test_loss_and_gradient_equal_the_golden_files():
    for path in GOLDEN:
        golden = load_golden(path)
        config = config_of(golden)
        mask = golden["response_mask"]
        groups = partition_tokens(golden["entropy"], mask, golden["hard"], golden["correct"], config)
        for mode in ("token_mean", "seq_mean_token_mean", "seq_mean_token_sum"):
            log_prob = golden["log_prob"].clone().requires_grad_()
            losses = token_losses(log_prob, golden["old_log_prob"], golden["advantages"], groups, config)
            assert losses.dtype == torch.float64
            loss = aggregate(losses, mask, mode)
            loss.backward()
            assert abs(loss.item() - golden[f"loss__{mode}"]) < 1e-12, (path.name, mode)
            assert (log_prob.grad - golden[f"grad__{mode}"]).abs().max() < 1e-12, (path.name, mode)


def test_the_split_equals_the_golden_files_exactly():
    for path in GOLDEN:
        golden = load_golden(path)
        mask = golden["response_mask"]
        everywhere = {name: Objective(detach="lowest" if name.endswith("low") else "highest") for name in GROUPS}
        config = replace(config_of(golden), objectives=everywhere)
        groups = partition_tokens(golden["entropy"], mask, golden["hard"], golden["correct"], config)
        high = (groups != 0) & (groups % 2 == 0)
        assert torch.equal(high, golden["high_entropy_mask"] & mask), path.name
        assert torch.equal((groups < 0) & ~high, golden["lowest_entropy_mask"] & mask), path.name
        assert torch.equal((groups < 0) & high, golden["highest_entropy_mask"] & mask), path.name
