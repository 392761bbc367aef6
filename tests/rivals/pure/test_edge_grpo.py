"""EDGE-GRPO's advantage: by hand, and as its authors write it."""

import torch

from recipe.rivals.edge_grpo import LEAST, edge_advantages
from tests.pure_support import DEVICE


def tensors(*rows):
    return (torch.tensor(row, dtype=torch.float64, device=DEVICE) for row in rows)


def test_by_hand():
    advantage, entropy = tensors([1.0, -1.0, 2.0], [[1.0, 3.0, 9.0], [4.0, 9.0, 9.0], [0.5, 0.5, 0.5]])
    mask = torch.tensor([[1, 1, 0], [1, 0, 0], [1, 1, 1]], device=DEVICE).bool()
    # means 2 and 4 of the prompt a, whose mean is 3; b is alone
    assert edge_advantages(advantage, entropy, mask, ["a", "a", "b"]).tolist() == [1.5, -0.75, 2.0]


def test_it_is_the_authors_expression_for_one_prompt():
    g = torch.Generator().manual_seed(1)
    entropy, advantage = (
        0.5 + torch.rand(8, 20, generator=g, dtype=torch.float64),
        torch.randn(8, generator=g, dtype=torch.float64),
    )
    mean = entropy.mean(dim=1)
    found = edge_advantages(advantage, entropy, torch.ones(8, 20, dtype=torch.bool), [0] * 8)
    torch.testing.assert_close(found, advantage / mean * mean.mean(), rtol=1e-12, atol=0)


def test_a_sure_response_has_no_advantage_without_bounds_and_an_empty_one_moves_no_other():
    advantage, entropy = tensors([1.0, 1.0, 1.0], [[0.0, 0.0], [1.0, 1.0], [7.0, 7.0]])
    mask = torch.tensor([[1, 1], [1, 1], [0, 0]], device=DEVICE).bool()
    assert edge_advantages(advantage, entropy, mask, [0, 0, 0]).tolist()[:2] == [1 / LEAST, 0.5]
    assert edge_advantages(advantage, 0 * entropy, mask, [0, 0, 0]).tolist() == [1.0, 1.0, 1.0]
