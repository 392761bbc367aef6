"""Prompts whose verdicts are all equal: phantom advantages in the authors' setting, and the two others."""

import math

import torch

from recipe.hapo import HAPOConfig, token_level_group_advantage
from tests.pure_support import DEVICE, raises

PENALTY = 1 / 4096
# Sixteen wrong answers, one of them a single token inside the overlong buffer, which begins at 16,384.
LENGTHS = torch.tensor([16385] + [5120] * 15, device=DEVICE)
MASK = torch.arange(16385, device=DEVICE) < LENGTHS[:, None]


def of(rewards, acc=None, mask=MASK, index=None, member=None, dtype=torch.float64, **settings):
    table = torch.zeros(mask.shape, dtype=dtype, device=DEVICE)
    table[:, 0] = torch.tensor(rewards, dtype=dtype)
    acc = None if acc is None else torch.tensor(acc, dtype=torch.float64, device=DEVICE)
    index = index or [0] * len(mask)
    found = token_level_group_advantage(table, mask, index, HAPOConfig(**settings), member=member, acc=acc)
    return found[:, 0].tolist()


def wrong(**settings):
    return of([-PENALTY] + [0.0] * 15, [0.0] * 16, **settings)


def test_a_negligible_penalty_is_normalised_to_full_size_as_published():
    p = 16385 / (16385 + 15 * 5120)
    std = PENALTY * math.sqrt(p * (1 - p)) + 1e-6
    found = wrong()
    assert math.isclose(found[0], -(1 - p) * PENALTY / std, rel_tol=1e-9)
    assert math.isclose(found[1], p * PENALTY / std, rel_tol=1e-9)
    assert (round(found[0], 2), round(found[1], 2)) == (-2.14, 0.46)
    grpo = wrong(token_level_advantage=False)
    assert (round(grpo[0], 2), round(grpo[1], 2)) == (-3.69, 0.25)


def test_raw_has_the_penalty_at_its_own_size():
    p = 16385 / (16385 + 15 * 5120)
    found = wrong(equal_acc="raw")
    assert math.isclose(found[0], -(1 - p) * PENALTY, rel_tol=1e-9)
    assert math.isclose(found[1], p * PENALTY, rel_tol=1e-9)
    grpo = wrong(equal_acc="raw", token_level_advantage=False)
    assert math.isclose(grpo[0], -15 / 16 * PENALTY, rel_tol=1e-9)
    assert math.isclose(grpo[1], PENALTY / 16, rel_tol=1e-9)


def test_drop_leaves_nothing_also_where_all_are_right():
    for variant in ("paper", "released"):
        for token_level in (True, False):
            settings = {"equal_acc": "drop", "variant": variant, "token_level_advantage": token_level}
            assert wrong(**settings) == [0.0] * 16
            assert of([1 - PENALTY] + [1.0] * 15, [1.0] * 16, **settings) == [0.0] * 16


def test_prompts_of_different_verdicts_are_as_published():
    mask = MASK[:, :1].repeat(1, 3)
    rewards, acc, index = [1.0, 0.0, -0.5, 0.0] * 4, [1.0, 0.0, 0.0, 0.0] * 4, [0, 0, 1, 1] * 4
    published = of(rewards, acc, mask, index)
    for choice in ("raw", "drop"):
        found = of(rewards, acc, mask, index, equal_acc=choice)
        assert found[:2] == published[:2]
        assert found[2] != published[2]


def test_only_members_make_verdicts_equal():
    member = torch.tensor([True, True, False], device=DEVICE)
    mask = MASK[:3, :3] & member[:, None]
    found = of([0.0, -0.5, 1.0], [0.0, 0.0, 1.0], mask, member=member, equal_acc="drop")
    assert found == [0.0, 0.0, 0.0]


def test_verdicts_are_needed_for_the_switch_only():
    of([0.0] * 16)
    with raises(ValueError, "hapo.equal_acc=drop", "acc"):
        of([0.0] * 16, equal_acc="drop")
    with raises(ValueError, "hapo.equal_acc=raw", "acc"):
        of([0.0] * 16, [math.nan] * 16, equal_acc="raw")
    with raises(ValueError, "hapo.equal_acc", "some"):
        HAPOConfig(equal_acc="some")


def test_equal_rewards_have_an_advantage_of_exactly_0():
    mask = MASK[:, :8]
    for dtype in (torch.float32, torch.float64):
        for reward in (0.7, -0.1, 1 / 3, 1.0):
            for norm in (True, False):
                for variant in ("paper", "released"):
                    for token_level in (True, False):
                        settings = {"norm_adv_by_std": norm, "variant": variant, "token_level_advantage": token_level}
                        assert of([reward] * 16, mask=mask, dtype=dtype, **settings) == [0.0] * 16, (dtype, reward, settings)


def test_the_fallback_leaves_out_what_is_no_member():
    # 30 right tokens beside one wrong make an outlier; a rejected response with the reward 100 must not move the fallback.
    mask = torch.arange(30, device=DEVICE) < torch.tensor([1, 30, 0], device=DEVICE)[:, None]
    member = torch.tensor([True, True, False], device=DEVICE)
    found = of([0.0, 1.0, 100.0], mask=mask, member=member)
    a = 0.5 / (math.sqrt(0.5) + 1e-6)
    assert math.isclose(found[0], -a, rel_tol=1e-12)
    assert math.isclose(found[1], a, rel_tol=1e-12)
    assert found[2] == 0
