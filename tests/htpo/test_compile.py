"""torch.compile takes the losses as they are."""

import shutil

import pytest
import torch

from recipe.hapo import HAPOConfig, entropy_score, entropy_statistics
from recipe.hapo import token_losses as hapo_token_losses
from recipe.htpo import PRESETS, HTPOConfig, partition_tokens, token_losses
from tests.pure_support import random_batch

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile on CPU needs a C++ compiler"),
]


def check(losses, batch, *arguments):
    """Compiled without a graph break, loss and gradient are the eager ones."""
    results = []
    for function in (losses, torch.compile(losses, fullgraph=True)):
        log_prob = batch["log_prob"].clone().requires_grad_()
        values = function(log_prob, batch["old_log_prob"], batch["advantages"], *arguments)
        values.sum().backward()
        results.append((values.detach(), log_prob.grad))
    torch.testing.assert_close(results[1], results[0])


@pytest.mark.parametrize("objectives", PRESETS)
def test_htpos_compiled_loss_equals_the_eager_one(objectives):
    batch, config = random_batch(dtype=torch.float32), HTPOConfig(objectives=objectives)
    groups = partition_tokens(batch["entropy"], batch["response_mask"], batch["hard"], batch["correct"], config)
    check(token_losses, batch, groups, config)


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_hapos_compiled_loss_equals_the_eager_one(variant):
    batch, config = random_batch(dtype=torch.float32), HAPOConfig(variant=variant)
    statistics = entropy_statistics(batch["entropy"], batch["response_mask"], config)
    check(hapo_token_losses, batch, entropy_score(batch["entropy"], statistics), config)
