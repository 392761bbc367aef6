"""Properties of the partition on random ragged batches, by hypothesis."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recipe.htpo import HTPOConfig, partition_tokens

LEVELS = [0.0, 0.25, 0.25, 0.5, 1.0, 2.0]  # few values, so that ties are common


@st.composite
def batches(draw):
    rows, width = draw(st.integers(1, 5)), draw(st.integers(1, 24))
    entropy = draw(st.lists(st.lists(st.sampled_from(LEVELS), min_size=width, max_size=width), min_size=rows, max_size=rows))
    mask = draw(st.lists(st.lists(st.booleans(), min_size=width, max_size=width), min_size=rows, max_size=rows))
    labels = st.lists(st.booleans(), min_size=rows, max_size=rows)
    return torch.tensor(entropy), torch.tensor(mask), torch.tensor(draw(labels)), torch.tensor(draw(labels))


fractions = st.floats(0, 1)
configs = st.builds(
    HTPOConfig,
    high_entropy_fraction=fractions,
    detach_lowest_fraction=fractions,
    detach_highest_fraction=fractions,
    objectives=st.sampled_from(["htpo", "dapo"]),
)


@settings(max_examples=300, deadline=None)
@given(batches(), configs)
def test_every_response_token_is_in_exactly_one_group_of_its_row(batch, config):
    _, mask, hard, correct = batch
    groups = partition_tokens(*batch, config)
    assert groups.dtype == torch.int8
    assert torch.equal(groups != 0, mask)
    expected = 1 + 4 * (~hard).int() + 2 * (~correct).int()
    low_id = groups.abs() - (groups.abs() % 2 == 0).int()  # the id of the row's low-entropy group
    assert torch.equal(low_id[mask], expected[:, None].expand_as(mask)[mask])


@settings(max_examples=300, deadline=None)
@given(batches(), configs)
def test_high_tokens_are_the_top_ones_and_at_least_their_share(batch, config):
    entropy = batch[0]
    groups = partition_tokens(*batch, config)
    for values, ids in zip(entropy, groups, strict=True):
        n = int((ids != 0).sum())
        if n == 0:
            continue
        high = values[(ids != 0) & (ids % 2 == 0)]
        low = values[(ids != 0) & (ids % 2 != 0)]
        assert len(high) >= max(int(config.high_entropy_fraction * n), 1)
        if len(low):
            assert high.min() > low.max()


@settings(max_examples=200, deadline=None)
@given(batches(), configs)
def test_a_row_does_not_see_the_others(batch, config):
    groups = partition_tokens(*batch, config)
    for i in range(len(groups)):
        assert torch.equal(partition_tokens(*(x[i : i + 1] for x in batch), config), groups[i : i + 1])


@settings(max_examples=200, deadline=None)
@given(batches(), configs)
def test_only_the_groups_that_the_table_names_are_detached(batch, config):
    groups = partition_tokens(*batch, config)
    allowed = {-i for i in (*config.groups_with(detach="lowest"), *config.groups_with(detach="highest"))}
    assert set(groups[groups < 0].tolist()) <= allowed
