"""HAPO's score and advantages on random ragged batches, by hypothesis, against plain Python written from the definition."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recipe.hapo import HAPOConfig, entropy_score, entropy_statistics, token_level_group_advantage

LEVELS = [0.0, 1e-7, 1e-5, 0.01, 0.25, 0.25, 0.5, 1.0, 2.0, 7.0]  # few values, so that ties are common
REWARDS = [-1.0, -1.0, 0.0, 0.3, 1.0, 1.0, 20.0]


@st.composite
def tables(draw, values):
    rows, width = draw(st.integers(1, 7)), draw(st.integers(1, 40))
    table = draw(st.lists(st.lists(values, min_size=width, max_size=width), min_size=rows, max_size=rows))
    mask = draw(st.lists(st.lists(st.booleans(), min_size=width, max_size=width), min_size=rows, max_size=rows))
    return torch.tensor(table, dtype=torch.float64), torch.tensor(mask)


entropies = tables(st.sampled_from(LEVELS) | st.floats(0, 12))
variants = st.sampled_from(["paper", "released"])
configs = st.builds(HAPOConfig, entropy_pivot=st.floats(0, 1), variant=variants)


def statistics_by_definition(entropies, config):
    """Center, std, max and min of the definition, from a list of the valid tokens' entropies."""
    logs = sorted(math.log(max(h, 1e-6)) for h in entropies)
    center = logs[round(config.entropy_pivot * (len(logs) - 1))]
    z = [x - center for x in logs]
    std = math.sqrt(math.fsum(x * x for x in z) / len(z))
    return center, std, max(z) / std if std else 0.0, min(z) / std if std else 0.0


@settings(max_examples=300, deadline=None)
@given(entropies, configs)
def test_statistics_and_scores_are_what_the_definition_says(batch, config):
    entropy, mask = batch
    found = entropy_statistics(entropy, mask, config)
    valid = entropy[mask].tolist()
    if not valid:
        assert (found.center, found.std, found.max, found.min) == (0, 0, 0, 0)
        return
    center, std, high, low = statistics_by_definition(valid, config)
    assert (found.center, found.std) == pytest.approx((center, std), rel=1e-9, abs=1e-12)
    if std > 1e-9:  # below, the extremes are quotients of rounding errors
        assert (found.max, found.min) == pytest.approx((high, low), rel=1e-5, abs=1e-6)
        below = low if config.variant == "released" else -low
        for h, score in zip(valid, entropy_score(entropy, found)[mask].tolist(), strict=True):
            z = (math.log(max(h, 1e-6)) - center) / std
            side = high if z > 0 else below
            if abs(side) * std > 1e-3:
                assert score == pytest.approx(z / side, abs=1e-9)


@settings(max_examples=300, deadline=None)
@given(entropies, st.floats(0, 1))
def test_the_score_is_signed_and_reaches_both_ends(batch, pivot):
    entropy, mask = batch
    found = entropy_statistics(entropy, mask, HAPOConfig(entropy_pivot=pivot))
    score = entropy_score(entropy, found)
    assert score.isfinite().all()
    assert score.abs().max() <= 1
    if not mask.any():
        return
    floored, valid = entropy[mask].clamp(min=1e-6), score[mask]
    ranked = floored.sort().values
    center = ranked[round(pivot * (len(ranked) - 1))]
    # Logarithms of different entropies may be equal, and then their scores are 0 as at the pivot.
    at = [math.log(x) for x in (ranked[0], center, ranked[-1])]
    assert valid[floored == ranked[-1]].tolist() == pytest.approx([float(at[2] > at[1])] * int((floored == ranked[-1]).sum()))
    assert valid[floored == ranked[0]].tolist() == pytest.approx([-float(at[0] < at[1])] * int((floored == ranked[0]).sum()))
    assert (valid[floored == center] == 0).all()
    assert (valid[floored > center] >= 0).all()
    assert (valid[floored < center] <= 0).all()
    assert (valid[floored.argsort()].diff() >= 0).all()  # rising with the entropy


def advantages_by_definition(rewards, mask, index, config):
    """`[B][T]` by looping over groups and tokens."""
    total = [math.fsum(row) for row in rewards]
    width = len(mask[0])
    result = [[0.0] * width for _ in rewards]
    for prompt in set(index):
        rows = [i for i, x in enumerate(index) if x == prompt]
        tokens = [total[i] for i in rows for t in range(width) if mask[i][t]]
        mean = math.fsum(tokens) / len(tokens) if tokens else 0.0
        std = math.sqrt(math.fsum((x - mean) ** 2 for x in tokens) / len(tokens)) if tokens else 0.0
        divisor = std + 1e-6 if config.norm_adv_by_std else 1.0
        seen = list(tokens)
        if config.variant == "released":
            seen += [0.0 for i in rows for t in range(width) if not mask[i][t]]
        fallback = any(abs(x - mean) / divisor >= 5 for x in seen) or not config.token_level_advantage
        outside = -mean / divisor if config.variant == "released" and not fallback else 0.0
        if fallback and len(rows) > 1:
            mean = math.fsum(total[i] for i in rows) / len(rows)
            std = math.sqrt(math.fsum((total[i] - mean) ** 2 for i in rows) / (len(rows) - 1))
            divisor = std + 1e-6 if config.norm_adv_by_std else 1.0
        elif fallback:
            mean, divisor = 0.0, 1 + 1e-6 if config.norm_adv_by_std else 1.0
        for i in rows:
            for t in range(width):
                result[i][t] = (total[i] - mean) / divisor if mask[i][t] else outside
    return result


@settings(max_examples=300, deadline=None)
@given(
    tables(st.just(0.0)),
    st.data(),
    st.builds(
        HAPOConfig, token_level_advantage=st.sampled_from([True, True, False]), norm_adv_by_std=st.booleans(), variant=variants
    ),
)
def test_advantages_are_what_the_definition_says(batch, data, config):
    rewards, mask = batch
    n = len(rewards)
    rewards[:, -1] = torch.tensor(data.draw(st.lists(st.sampled_from(REWARDS), min_size=n, max_size=n)), dtype=torch.float64)
    index = data.draw(st.lists(st.sampled_from(["a", "b", "c"]), min_size=n, max_size=n))
    found = token_level_group_advantage(rewards, mask, np.array(index, dtype=object), config)
    expected = advantages_by_definition(rewards.tolist(), mask.tolist(), index, config)
    # relative to std + 1e-6: where std is 0, the rounding of the mean is divided by 1e-6
    assert torch.allclose(found, torch.tensor(expected, dtype=torch.float64), rtol=1e-8, atol=1e-8)


def test_the_algorithm_loads_neither_verl_nor_ray():
    code = "import sys, recipe.hapo; print(sorted({'verl', 'ray', 'vllm', 'hydra', 'omegaconf'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
