"""GTPO's advantages: by hand, and against its equations written as loops over a prompt's responses."""

import math
import statistics

import torch

from recipe.rivals.gtpo import gtpo_advantages
from tests.pure_support import DEVICE


def test_by_hand():
    # Two right answers of two tokens and of one; of one wrong answer each share is 1.
    entropy = torch.tensor([[3.0, 1.0], [1.0, 9.0], [2.0, 0.5]], device=DEVICE)
    mask = torch.tensor([[1, 1], [1, 0], [1, 1]], device=DEVICE).bool()
    reward, correct = torch.tensor([1.0, 1.0, 0.0], device=DEVICE), torch.tensor([True, True, False], device=DEVICE)
    found = gtpo_advantages(reward, correct, entropy, mask, ["p"] * 3)
    # position 0: 1 + 0.1 * 2 * 3/4 and 1 + 0.1 * 2 * 1/4; position 1, where one is left: 1 + 0.1
    shaped = [1.15, 1.1, 1.05]
    expected = [(x - 1.1) / statistics.pstdev(shaped) for x in shaped]
    for value, right in zip((found[0, 0], found[0, 1], found[1, 0]), expected, strict=True):
        assert math.isclose(value.item(), right, rel_tol=1e-4, abs_tol=1e-6)
    assert found[1, 1] == 0
    assert found[2].tolist() == [0, 0]  # a single wrong answer: -1.1 everywhere


def of_one_prompt(reward, correct, entropy, lengths):
    """{(response, token): advantage}, in Python."""
    found = {}
    for side in (True, False):
        its = [i for i, c in enumerate(correct) if c == side]
        shaped = {}
        for i in its:
            for t in range(lengths[i]):
                there = [k for k in its if lengths[k] > t]
                weight = {k: entropy[k][t] if side else 1 / (entropy[k][t] + 1e-8) for k in there}
                share = len(there) * weight[i] / sum(weight.values())
                shaped[i, t] = reward[i] + 0.1 * share if side else -1 - 0.1 * share
        if shaped:
            mean, std = statistics.fmean(shaped.values()), statistics.pstdev(shaped.values())
            found |= {at: (x - mean) / (std + 1e-6) for at, x in shaped.items()}
    return found


def test_the_equations_as_loops_in_any_order_and_width():
    g = torch.Generator().manual_seed(0)
    rows, width = 12, 7
    entropy = torch.rand(rows, width, generator=g, dtype=torch.float64) + 0.01
    lengths = torch.randint(1, width + 1, (rows,), generator=g)
    mask = torch.arange(width) < lengths[:, None]
    correct, prompts = torch.arange(rows) % 3 == 0, [i % 2 for i in range(rows)]
    reward = correct.double() - 0.1 * torch.rand(rows, generator=g, dtype=torch.float64)
    found = gtpo_advantages(reward, correct, entropy.masked_fill(~mask, torch.nan), mask, prompts)
    for prompt in (0, 1):
        own = [i for i in range(rows) if prompts[i] == prompt]
        lists = (reward[own].tolist(), correct[own].tolist(), entropy[own].tolist(), lengths[own].tolist())
        for (i, t), value in of_one_prompt(*lists).items():
            assert math.isclose(found[own[i], t].item(), value, rel_tol=1e-9, abs_tol=1e-9)
    assert (found[~mask] == 0).all()
    order = torch.randperm(rows, generator=g)
    pad = (0, 3)
    again = gtpo_advantages(
        reward[order],
        correct[order],
        torch.nn.functional.pad(entropy[order], pad),
        torch.nn.functional.pad(mask[order], pad),
        [prompts[i] for i in order.tolist()],
    )
    torch.testing.assert_close(again[:, :width], found[order], rtol=1e-12, atol=1e-12)
