"""Nested rows, worked on block by block, give what padded ones give, to the last bit."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recipe.primitives import ragged
from recipe.primitives.ragged import Ragged, at_tokens, covers, in_threads, like
from recipe.primitives.ranks import sort_rows, value_at_rank

LENGTHS = st.lists(st.integers(0, 40), min_size=1, max_size=12)


def nested(rows):
    """A jagged tensor of rows, which may be empty."""
    offsets = torch.tensor([0, *(len(row) for row in rows)]).cumsum(0)
    return torch.nested.nested_tensor_from_jagged(torch.cat(rows), offsets)


def numbered(lengths):
    values = torch.arange(sum(lengths), dtype=torch.float64)
    return list(values.split(lengths))


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(ragged, "BLOCK", 64)


@given(LENGTHS)
@settings(deadline=None, max_examples=60)
def test_every_entry_is_in_one_block_of_rows_of_similar_length(lengths):
    rows = Ragged.of(nested(numbered(lengths)))
    seen = []
    for block in rows.blocks():
        places, exists = rows.places(block)
        assert places.shape == exists.shape == (len(block), lengths[block[0]])
        assert places.numel() <= 64 or len(block) == 1
        seen += places[exists].tolist()
    assert sorted(seen) == list(range(sum(lengths)))


@given(LENGTHS, st.integers(0, 5))
@settings(deadline=None, max_examples=60)
def test_a_padded_tensor_is_made_flat_and_a_mask_chooses_the_same_entries(lengths, more):
    rows, width = numbered(lengths), max(lengths) + more
    values = nested(rows)
    padded = torch.full((len(rows), width), -1.0, dtype=torch.float64)
    for i, row in enumerate(rows):
        padded[i, : len(row)] = row
    assert torch.equal(Ragged.of(values).flat(padded), values.values())
    mask = (padded % 3 == 0) & (padded >= 0)
    assert torch.equal(at_tokens(values, mask), padded[mask])
    assert torch.equal(at_tokens(values, padded >= 0), values.values())
    assert covers(mask, values)
    assert not max(lengths) or not covers(mask[:, : max(lengths) - 1], values)
    again = like(values.values() + 1, values)
    assert [row.tolist() for row in again.unbind()] == [(row + 1).tolist() for row in rows]


def test_results_come_in_the_order_of_their_items():
    assert in_threads(lambda x: x * x, range(50)) == [x * x for x in range(50)]


def test_ranks_are_those_of_a_sort():
    values = torch.randn(7, 33, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    values[:, 5] = values[:, 6]
    expected = values.sort(dim=1).values
    assert torch.equal(sort_rows(values.clone()), expected)
    flat = values.flatten()
    for rank in (0, 17, len(flat) - 1):
        assert value_at_rank(flat, rank) == flat.sort().values[rank]
