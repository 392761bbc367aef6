"""HAPO's advantages worked out by hand; on random batches against the definition in tests/hapo/test_properties.py."""

import math

import torch

from recipe.hapo import HAPOConfig, token_level_group_advantage
from tests.pure_support import DEVICE, raises


def close(a, b):
    return math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-15)


def tensor(values):
    return torch.tensor(values, dtype=torch.float64, device=DEVICE)


def advantages_of(rewards, lengths, index, width=None, **settings):
    """Advantages, and the mask, of responses with the given rewards (on their last token) and lengths."""
    width = width or max(lengths)
    mask = torch.arange(width) < torch.tensor(lengths)[:, None]
    table = torch.zeros(len(rewards), width, dtype=torch.float64)
    table[range(len(rewards)), [max(n - 1, 0) for n in lengths]] = torch.tensor(rewards, dtype=torch.float64)
    mask = mask.to(DEVICE)
    return token_level_group_advantage(table.to(DEVICE), mask, index, HAPOConfig(**settings)), mask


def first_tokens(*args, **kwargs):
    return advantages_of(*args, **kwargs)[0][:, 0].tolist()


def test_long_responses_weigh_more():
    # prompt a: six tokens with +1, two with -1: mean 0.5, deviation sqrt(0.75); prompt b: three and one of 0 and 4
    found, mask = advantages_of([1.0, 0.0, -1.0, 4.0], [6, 3, 2, 1], ["a", "b", "a", "b"])
    s, t = math.sqrt(0.75) + 1e-6, math.sqrt(3) + 1e-6
    expected = tensor([0.5 / s, -1 / t, -1.5 / s, 3 / t])[:, None] * mask
    assert (found - expected).abs().max() < 1e-12
    found, mask = advantages_of([1.0, 0.0, -1.0, 4.0], [6, 3, 2, 1], ["a", "b", "a", "b"], norm_adv_by_std=False)
    assert (found - tensor([0.5, -1, -1.5, 3])[:, None] * mask).abs().max() < 1e-12


def test_switched_off_it_is_grpo():
    settings = {"token_level_advantage": False}
    for variant in ("paper", "released"):
        found, mask = advantages_of([1.0, 0.0, -1.0, 4.0], [6, 3, 2, 1], [7, 8, 7, 8], variant=variant, **settings)
        s, t = math.sqrt(2) + 1e-6, math.sqrt(8) + 1e-6  # sample deviations of (1, -1) and (0, 4)
        assert (found - tensor([1 / s, -2 / t, -1 / s, 2 / t])[:, None] * mask).abs().max() < 1e-12
    found = first_tokens([1.0, 0.0, -1.0, 4.0], [6, 3, 2, 1], [7, 8, 7, 8], norm_adv_by_std=False, **settings)
    assert found == [1, -2, -1, 2]


def test_the_fallback_begins_at_exactly_five():
    # Without the division every number here is exact. Mean over tokens 3, over responses 4: A is 5 and -3, or 4 and -4.
    rows = {"lengths": [3, 5], "index": [0, 0], "norm_adv_by_std": False}
    assert first_tokens([8.0, 0.0], **rows) == [4, -4]
    assert first_tokens([-8.0, 0.0], **rows) == [-4, 4]
    less = 1 - 2**-52
    assert first_tokens([8 * less, 0.0], **rows) == [5 * less, -3 * less]
    assert first_tokens([-8 * less, 0.0], **rows) == [-5 * less, 3 * less]


def test_a_response_without_a_token_is_no_outlier():
    # Its reward of 90 is far off the mean over tokens, 3. With a fallback, A would be the distance to 31.
    found, _ = advantages_of([4.0, 0.0, 90.0], [3, 1, 0], [0, 0, 0], norm_adv_by_std=False)
    assert found[:, 0].tolist() == [1, -3, 0]


def test_the_fallback_concerns_the_whole_group_and_only_it():
    # Normalised, a share p of right tokens has A = sqrt((1 - p) / p): 5 at 1 / 26, and 1e-6 in the divisor keeps it below.
    grpo = 0.5 / (math.sqrt(0.5) + 1e-6)
    for wrong, falls_back in ((25, False), (26, True)):
        found = first_tokens([1.0, 0.0, 1.0, 0.0], [1, wrong, 2, 2], ["x", "x", "y", "y"])
        p = 1 / (wrong + 1)
        divisor = math.sqrt(p * (1 - p)) + 1e-6
        expected = [grpo, -grpo] if falls_back else [(1 - p) / divisor, -p / divisor]
        assert all(close(a, b) for a, b in zip(found[:2], expected, strict=True)), wrong
        assert abs(found[2] - 0.5 / (0.5 + 1e-6)) < 1e-12


def test_the_released_check_sees_the_padding_and_the_papers_does_not():
    # All right: every A is 0, but a reward of 0 in the padding would have -1 / 1e-6. GRPO is 0 here as well, so the rewards
    # differ a little: mean over tokens 1 + 0.01 * 3/4, over responses 1.005.
    rewards, lengths = [1.01, 1.0], [3, 1]
    token_level = 0.0025 / (0.01 * math.sqrt(3) / 4 + 1e-6)
    grpo = 0.005 / (0.01 * math.sqrt(0.5) + 1e-6)
    for variant, width, expected in (("paper", 3, token_level), ("paper", 9, token_level), ("released", 9, grpo)):
        found, mask = advantages_of(rewards, lengths, [0, 0], width=width, variant=variant)
        assert abs(found[0, 0].item() - expected) < 1e-9, (variant, width)
        assert (found[~mask] == 0).all()
    # without padding the released check sees what the paper's sees
    found = first_tokens([1.01, 1.0, 1.0], [2, 2, 2], [0, 0, 0], variant="released")
    assert abs(found[1] - found[2]) == 0
    assert abs(found[0] - 0.02 / 3 / (0.01 * math.sqrt(2) / 3 + 1e-6)) < 1e-9


def test_index_may_be_anything_hashable():
    rewards, lengths = [1.0, 0.0, 1.0, 3.0], [1, 2, 3, 4]
    expected, _ = advantages_of(rewards, lengths, [0, 1, 0, 1])
    for index in (["p", "q", "p", "q"], [(1, "a"), None, (1, "a"), None], torch.tensor([5, -2, 5, -2], device=DEVICE)):
        assert torch.equal(advantages_of(rewards, lengths, index)[0], expected)


def test_row_order_and_padding_do_not_change_advantages():
    rewards, lengths, index = [1.0, 0.0, -1.0, 4.0, 2.0], [6, 3, 2, 1, 5], [0, 1, 0, 1, 0]
    expected, _ = advantages_of(rewards, lengths, index)
    found, _ = advantages_of(rewards, lengths, index, width=11)
    assert torch.equal(found[:, :6], expected)
    order = [3, 0, 4, 2, 1]
    found, _ = advantages_of(*([column[i] for i in order] for column in (rewards, lengths, index)), width=6)
    assert (found - expected[order]).abs().max() < 1e-14


def test_degenerate_groups_have_advantages_without_nan():
    for norm in (True, False):
        settings = {"norm_adv_by_std": norm}
        # alone; all equal; no valid token beside others; nobody has a valid token
        found, mask = advantages_of(
            [0.7, 0.3, 0.3, 1.0, 0.0, 0.0, 2.0], [4, 1, 2, 3, 1, 0, 0], [0, 1, 1, 2, 2, 2, 3], **settings
        )
        assert found.isfinite().all()
        assert found[:3].abs().max() < 1e-9
        assert (found[~mask] == 0).all()
        pair = first_tokens([1.0, 0.0], [3, 1], [2, 2], **settings)
        assert all(close(a, b) for a, b in zip(found[3:5, 0].tolist(), pair, strict=True))
        released, _ = advantages_of([0.7, 2.0], [4, 0], [0, 1], variant="released", **settings)
        assert released.isfinite().all()
        alone = first_tokens([0.7], [4], [0], token_level_advantage=False, **settings)  # as verl's GRPO
        assert close(alone[0], 0.7 / (1 + 1e-6) if norm else 0.7)


def test_equal_rewards_have_no_advantage_in_float32():
    rewards = torch.zeros(7, 5, device=DEVICE)
    rewards[:, 4] = 0.7
    mask = torch.ones(7, 5, device=DEVICE)
    mask[0, :2] = 0
    for token_level in (True, False):
        found = token_level_group_advantage(rewards, mask, [0] * 7, HAPOConfig(token_level_advantage=token_level))
        assert found.dtype == torch.float32
        assert found.abs().max() < 1e-6


def test_shapes_that_do_not_fit_are_named():
    a, b = torch.ones(3, 4, device=DEVICE), torch.ones(3, 5, device=DEVICE)
    with raises(ValueError, "[3, 4]", "[3, 5]"):
        token_level_group_advantage(a, b, [0] * 3, HAPOConfig())
    with raises(ValueError, "2 ids"):
        token_level_group_advantage(a, a, [0] * 2, HAPOConfig())
