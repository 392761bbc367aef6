"""HAPO's statistics and score worked out by hand; properties on random batches are in tests/hapo/test_properties.py."""

import math
from dataclasses import asdict, replace
from unittest.mock import patch

import torch

from recipe.hapo import EntropyStatistics, HAPOConfig, entropy_score, entropy_statistics
from recipe.primitives import host
from tests.pure_support import DEVICE, raises, random_batch

CONFIG = HAPOConfig()


def close(a, b):
    return math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-15)


def tensor(values):
    return torch.tensor(values, dtype=torch.float64, device=DEVICE)


def statistics_of(log_entropy, mask=None, **settings):
    entropy = tensor([log_entropy]).exp()
    mask = torch.ones_like(entropy, dtype=torch.bool) if mask is None else torch.tensor([mask], device=DEVICE)
    return entropy, entropy_statistics(entropy, mask, HAPOConfig(**settings))


def test_statistics_and_score_worked_out_by_hand():
    # the pivot at index round(0.8 * 5) = 4 of the six sorted values: 1; z = -5, -4, -2, -1, 0, 1
    entropy, found = statistics_of([-1.0, 2.0, 1.0, -4.0, -3.0, 0.0])
    std = math.sqrt((25 + 16 + 4 + 1 + 0 + 1) / 6)
    for value, expected in ((found.center, 1.0), (found.std, std), (found.max, 1 / std), (found.min, -5 / std)):
        assert close(value, expected)
    score = entropy_score(entropy, found)
    assert (score - tensor([[-0.4, 1.0, 0.0, -1.0, -0.8, -0.2]])).abs().max() < 1e-14
    released = entropy_score(entropy, replace(found, variant="released"))
    assert (released - tensor([[0.4, 1.0, 0.0, 1.0, 0.8, 0.2]])).abs().max() < 1e-14
    metrics = found.metrics("x")
    for name, expected in (("center", 1.0), ("std", std), ("min", -4.0), ("max", 2.0)):
        assert close(metrics.pop(f"x/log_entropy_{name}"), expected), name
    assert metrics == {}
    assert close(found.slope_above, 1.0)
    assert close(found.slope_below, 0.2)
    assert close(replace(found, variant="released").slope_below, -0.2)


def test_the_pivot_is_the_value_at_the_rounded_index():
    for pivot, expected in ((0.0, 0.0), (0.12, 0.0), (0.13, 1.0), (0.125, 0.0), (0.375, 2.0), (0.8, 3.0), (1.0, 4.0)):
        _, found = statistics_of([0.0, 1.0, 2.0, 3.0, 4.0], entropy_pivot=pivot)
        assert abs(found.center - expected) < 1e-12, pivot


def test_entropies_beyond_the_statistics_are_clamped():
    statistics = EntropyStatistics(center=0.0, std=2.0, max=0.5, min=-0.25)  # z in [-0.5, 1]
    entropy = tensor([-9.0, -0.5, -0.25, 0.0, 0.5, 1.0, 9.0]).exp()
    assert (entropy_score(entropy, statistics) - tensor([-1, -1, -0.5, 0, 0.5, 1, 1])).abs().max() < 1e-14


def test_entropies_are_floored_in_statistics_and_score():
    entropy = tensor([[0.0, 1e-9, 1e-6, 1.0, 2.0]])
    found = entropy_statistics(entropy, torch.ones_like(entropy), HAPOConfig())
    assert close(found.min * found.std, math.log(1e-6))
    assert (entropy_score(entropy, found)[0] - tensor([-1, -1, -1, 0, 1])).abs().max() < 1e-14
    assert entropy_score(tensor([-1e-3]), found).item() == entropy_score(tensor([1e-6]), found).item()


def test_what_is_outside_the_mask_is_ignored():
    entropy = tensor([[9.0, 0.1, float("nan"), 0.2, 0.0, 0.3]])
    mask = torch.tensor([[0, 1, 0, 1, 0, 1]], device=DEVICE)
    kept = entropy[:, 1::2]
    assert entropy_statistics(entropy, mask, CONFIG) == entropy_statistics(kept, torch.ones_like(kept), CONFIG)


def test_statistics_survive_a_checkpoint():
    for variant in ("paper", "released"):
        _, found = statistics_of([0.0, 1.0, 3.0], variant=variant)
        assert found.variant == variant
        assert all(type(value) in (float, str) for value in asdict(found).values())
        assert EntropyStatistics(**asdict(found)) == found


def test_degenerate_batches_have_scores_without_nan():
    entropy = tensor([[0.3, 0.3, 0.3]])
    some = torch.tensor([[True, True, False]], device=DEVICE)
    for variant in ("paper", "released"):
        config = HAPOConfig(variant=variant)
        for mask in (some, some & False, torch.tensor([[True, False, False]], device=DEVICE)):  # equal, none, one token
            found = entropy_statistics(entropy, mask, config)
            assert (found.std, found.max, found.min) == (0, 0, 0)
            # without a spread there is no signal, in the next step's sampling either
            assert (entropy_score(tensor([0.0, 0.1, 0.3, 0.9]), found) == 0).all()
        empty = tensor([]).reshape(2, 0)
        assert entropy_statistics(empty, empty, config) == EntropyStatistics(variant=variant)
    # nothing above the pivot: only that side is silent
    entropy, found = statistics_of([0.0, 1.0, 2.0], entropy_pivot=1.0)
    assert (entropy_score(entropy, found)[0] - tensor([-1, -0.5, 0])).abs().max() < 1e-14
    assert entropy_score(tensor([9.0]), found).item() == 0


def test_entropies_that_are_not_finite_name_the_row():
    entropy, mask = torch.ones(3, 4, device=DEVICE), torch.ones(3, 4, dtype=torch.bool, device=DEVICE)
    for bad in (float("nan"), float("inf")):
        entropy[1, 2] = bad
        with raises(ValueError, "row 1 ", "not finite"):
            entropy_statistics(entropy, mask, CONFIG)
        # On a device too: the driver waits for it anyway, and an assertion there would end the process without a sentence.
        with patch.object(host, "on_host", lambda _: False), raises(ValueError, "row 1 ", "not finite"):
            entropy_statistics(entropy, mask, CONFIG)


def test_dtypes():
    batch = random_batch()
    entropy, mask = batch["entropy"], batch["response_mask"]
    statistics = entropy_statistics(entropy, mask, CONFIG)
    reference = entropy_score(entropy, statistics)
    assert reference.dtype == torch.float64
    for dtype, tolerance in ((torch.float32, 1e-5), (torch.bfloat16, 0.2)):
        score = entropy_score(entropy.to(dtype), statistics)
        assert score.dtype == torch.float32
        assert (score - reference).abs().max() < tolerance
    # bfloat16 is computed as float32, not rounded in between
    coarse = entropy.bfloat16()
    assert entropy_statistics(coarse, mask, CONFIG) == entropy_statistics(coarse.float(), mask, CONFIG)
    assert torch.equal(entropy_score(coarse, statistics), entropy_score(coarse.float(), statistics))


def test_scores_and_statistics_are_constants_to_the_gradient():
    entropy = tensor([[0.1, 0.5, 2.0]]).requires_grad_()
    statistics = entropy_statistics(entropy, torch.ones_like(entropy), CONFIG)
    assert not entropy_score(entropy, statistics).requires_grad
    assert entropy.tolist() == [[0.1, 0.5, 2.0]]  # and nothing is done in place


def test_what_does_not_fit_is_named():
    with raises(ValueError, "[3, 4]", "[3, 5]"):
        entropy_statistics(torch.ones(3, 4, device=DEVICE), torch.ones(3, 5, device=DEVICE), CONFIG)
    for wrong in ({"center": float("nan")}, {"std": -1.0}, {"max": -1.0}, {"min": 1.0}):
        with raises(ValueError, "finite numbers", "std >= 0"):
            EntropyStatistics(**wrong)
    with raises(ValueError, "variant is 'final'"):
        EntropyStatistics(variant="final")
