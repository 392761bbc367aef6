"""torch.compile takes the loss as it is."""

import shutil

import pytest
import torch

from recipe.htpo import PRESETS, HTPOConfig, partition_tokens, token_losses
from tests.pure.support import random_batch


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile on CPU needs a C++ compiler")
@pytest.mark.parametrize("objectives", PRESETS)
def test_the_compiled_loss_equals_the_eager_one(objectives):
    batch, config = random_batch(dtype=torch.float32), HTPOConfig(objectives=objectives)
    groups = partition_tokens(batch["entropy"], batch["response_mask"], batch["hard"], batch["correct"], config)
    results = []
    for function in (token_losses, torch.compile(token_losses, fullgraph=True)):
        log_prob = batch["log_prob"].clone().requires_grad_()
        losses = function(log_prob, batch["old_log_prob"], batch["advantages"], groups, config)
        losses.sum().backward()
        results.append((losses.detach(), log_prob.grad))
    torch.testing.assert_close(results[1], results[0])
