"""HTPO's partition and HAPO's scores of nested entropies are those of padded ones, to the last bit."""

import pytest
import torch

from recipe.hapo import HAPOConfig, entropy_score, entropy_statistics
from recipe.htpo import HTPOConfig, partition_tokens
from recipe.htpo.metrics import partition_metrics
from recipe.primitives import ragged
from recipe.primitives.finite import check_finite

EVERY_DETACH = {"hard_correct_low": {"detach": "highest"}, "easy_wrong_high": {"detach": "lowest"}}


def batch(seed, rows=40, longest=90):
    """Nested entropies with ties, empty and one-token rows; the same padded, and a mask with holes."""
    g = torch.Generator().manual_seed(seed)
    lengths = torch.randint(0, longest + 1, (rows,), generator=g)
    lengths[:4] = torch.tensor([0, 1, 2, longest])
    values = torch.rand(int(lengths.sum()), generator=g).mul(20).round().div(20)  # many ties
    offsets = torch.cat([torch.zeros(1, dtype=torch.long), lengths.cumsum(0)])
    nested = torch.nested.nested_tensor_from_jagged(values, offsets)
    padded = torch.zeros(rows, longest + 3)
    for row, own in enumerate(values.split(lengths.tolist())):
        padded[row, : len(own)] = own
    exists = torch.arange(longest + 3) < lengths[:, None]
    holes = torch.rand(exists.shape, generator=g) < 0.8
    hard, correct = torch.rand(rows, generator=g) < 0.5, torch.rand(rows, generator=g) < 0.5
    return nested, padded, exists, exists & holes, hard, correct


@pytest.mark.parametrize("block", [64, 32_768])
@pytest.mark.parametrize("objectives", ["htpo", "dapo", EVERY_DETACH], ids=["htpo", "dapo", "detaching"])
@pytest.mark.parametrize("holes", [False, True])
def test_the_partition_and_its_metrics(monkeypatch, block, objectives, holes):
    monkeypatch.setattr(ragged, "BLOCK", block)
    config = HTPOConfig(objectives=objectives, detach_lowest_fraction=0.3, detach_highest_fraction=0.3)
    for seed in range(5):
        nested, padded, exists, holed, hard, correct = batch(seed)
        mask = holed if holes else exists
        flat = partition_tokens(nested, mask, hard, correct, config)
        dense = partition_tokens(padded, mask, hard, correct, config)
        assert flat.dtype == torch.int8
        assert torch.equal(flat.values(), dense[exists])
        assert (dense[~mask] == 0).all()
        found, expected = partition_metrics(flat, nested), partition_metrics(dense, padded)
        assert found.keys() == expected.keys()
        assert all(found[name] == pytest.approx(expected[name], rel=1e-12) for name in expected)


@pytest.mark.parametrize("variant", ["paper", "released"])
@pytest.mark.parametrize("holes", [False, True])
def test_the_statistics_and_scores(variant, holes):
    config = HAPOConfig(variant=variant)
    for seed in range(5):
        nested, padded, exists, holed, _, _ = batch(seed)
        mask = holed if holes else exists
        statistics = entropy_statistics(nested, mask, config)
        expected = entropy_statistics(padded, mask, config)
        assert (statistics.center, statistics.max > 0) == (expected.center, expected.max > 0)
        assert statistics.std == pytest.approx(expected.std, rel=1e-6)
        assert torch.equal(entropy_score(nested, expected).values(), entropy_score(padded, expected)[exists])


def test_an_entropy_that_is_not_finite_is_named_where_it_counts():
    nested, _, exists, holed, _, _ = batch(0)
    nested = torch.nested.nested_tensor_from_jagged(nested.values().clone(), nested.offsets())
    row, column = (exists & ~holed).nonzero()[0].tolist()
    nested.values()[nested.offsets()[row] + column] = torch.nan
    check_finite(nested, holed)  # outside the mask it is not looked at
    with pytest.raises(ValueError, match=str(row)):
        check_finite(nested, exists)
    with pytest.raises(ValueError, match=str(row)):
        entropy_statistics(nested, exists, HAPOConfig())
