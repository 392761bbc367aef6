"""Properties of the partition on random ragged batches, by hypothesis."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recipe.htpo import GROUPS, HTPOConfig, partition_tokens

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


def row_by_definition(values, ids, config):
    """One row's groups from the definition, in plain Python: (entropy, id of the row's low group) -> signed ids."""
    n = len(values)
    border = sorted(values, reverse=True)[max(int(config.high_entropy_fraction * n), 1) - 1]
    high = [value >= border for value in values]
    tops = sorted((v for v, h in zip(values, high, strict=True) if h), reverse=True)
    lows = sorted(v for v, h in zip(values, high, strict=True) if not h)
    top = tops[max(int(config.detach_highest_fraction * len(tops)), 1) - 1]
    bottom = lows[max(int(config.detach_lowest_fraction * len(lows)), 1) - 1] if lows else None
    result = []
    for value, is_high, low_id in zip(values, high, ids, strict=True):
        group = low_id + is_high
        objective = config.objectives[GROUPS[group - 1]]
        if is_high and objective.detach == "highest" and value >= top:
            group = -group
        if not is_high and objective.detach == "lowest" and value < bottom:
            group = -group
        result.append(group)
    return result


@settings(max_examples=500, deadline=None)
@given(batches(), configs)
def test_every_row_is_what_the_definition_says(batch, config):
    entropy, mask, hard, correct = batch
    groups = partition_tokens(*batch, config)
    for i in range(len(groups)):
        if mask[i].any():
            low_id = 1 + 4 * (not hard[i]) + 2 * (not correct[i])
            values = entropy[i][mask[i]].tolist()
            assert groups[i][mask[i]].tolist() == row_by_definition(values, [low_id] * len(values), config)
        assert (groups[i][~mask[i]] == 0).all()


@settings(max_examples=200, deadline=None)
@given(batches(), configs)
def test_a_row_does_not_see_the_others(batch, config):
    groups = partition_tokens(*batch, config)
    for i in range(len(groups)):
        assert torch.equal(partition_tokens(*(x[i : i + 1] for x in batch), config), groups[i : i + 1])
