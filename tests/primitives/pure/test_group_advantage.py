"""Group advantages in closed form; against verl's GRPO they are in test_against_verl.py."""

import math

import torch

from recipe.primitives.group_advantage import Groups, grpo_advantage, row_weights
from tests.pure_support import DEVICE


def tensor(*values):
    return torch.tensor(values, dtype=torch.float64, device=DEVICE)


def advantages(rewards, prompts, sessions=None, by_std=True):
    rewards = tensor(*rewards)
    weight = torch.ones_like(rewards) if sessions is None else row_weights(sessions, DEVICE)
    return grpo_advantage(rewards, weight, Groups(prompts, DEVICE), by_std)


def close(found, *expected):
    return torch.allclose(found, tensor(*expected), rtol=1e-12, atol=1e-15)


def test_a_total_comes_back_to_every_row_of_its_group_and_ids_are_anything_hashable():
    groups = Groups(["a", ("a", 1), "a", 7, ("a", 1)], DEVICE)
    assert groups.count == 3
    assert close(groups.total(tensor(1, 2, 4, 8, 16)), 5, 18, 5, 8, 18)


def test_mean_and_deviation_are_weighted():
    mean, std = Groups("aab", DEVICE).mean_and_std(tensor(0, 4, 5), tensor(3, 1, 0))
    assert close(mean, 1, 1, 0)  # without weight: 0, not NaN
    assert close(std, math.sqrt(3), math.sqrt(3), 0)  # (3 * 1 + 1 * 9) / 4


def test_the_deviation_is_the_samples():
    a = 1 / (math.sqrt(1 / 3) + 1e-6)  # rewards 1, 0, 0: squares 4/9 + 1/9 + 1/9, over n - 1 = 2
    assert close(advantages((1, 0, 0), "ppp"), 2 / 3 * a, -a / 3, -a / 3)
    assert close(advantages((1, 0, 0), "ppp", by_std=False), 2 / 3, -1 / 3, -1 / 3)


def test_a_group_of_one_has_its_reward():
    assert close(advantages((0.5, -2, 0), "abc"), 0.5 / (1 + 1e-6), -2 / (1 + 1e-6), 0)
    assert close(advantages((0.5, -2), "ab", by_std=False), 0.5, -2)
    # one session of three outputs is one response, too, although 3 * 1/3 need not be 1
    assert close(advantages((0.5,) * 3, "aaa", sessions="xxx", by_std=False), 0.5, 0.5, 0.5)
    assert close(advantages((0.5,) * 49, "a" * 49, sessions="x" * 49, by_std=False), *[0.5] * 49)


def test_equal_rewards_have_an_advantage_of_exactly_0():
    # The mean of n times x may be a rounding error off x, which std + 1e-6 must not make an advantage of.
    for reward in (0.0, 1.0, 0.1, 0.7, -0.7, 1e3):
        for n in (2, 3, 7, 8, 16, 49):
            for by_std in (True, False):
                assert advantages((reward,) * n, "p" * n, by_std=by_std).abs().max() == 0, (reward, n)
                sessions = [i // 3 for i in range(n)]
                if n > 3:
                    assert advantages((reward,) * n, "p" * n, sessions, by_std).abs().max() == 0, (reward, n)


def test_a_session_counts_once_whatever_its_number_of_outputs():
    assert row_weights(["x", "y", "x", "x"], DEVICE).tolist() == [1 / 3, 1, 1 / 3, 1 / 3]
    assert row_weights("xy").dtype == torch.float64
    once = advantages((1, 0, 0), "ppp")
    several = advantages((1, 0, 1, 1, 0, 0), "pppppp", sessions="xyxxzz")
    assert torch.allclose(several, once[[0, 1, 0, 0, 2, 2]], rtol=1e-12, atol=1e-15)


def test_the_order_of_rows_and_other_groups_do_not_matter():
    rewards, prompts, sessions = (1, 0, 0.3, 0.3, 1, 0), "pqpqpp", "abcdca"
    whole = advantages(rewards, prompts, sessions)
    order = [4, 0, 3, 5, 1, 2]
    shuffled = advantages(*([given[i] for i in order] for given in (rewards, prompts, sessions)))
    assert torch.allclose(shuffled, whole[order], rtol=1e-12, atol=1e-15)
    alone = [i for i, prompt in enumerate(prompts) if prompt == "p"]
    part = advantages(*([given[i] for i in alone] for given in (rewards, prompts, sessions)))
    assert torch.allclose(part, whole[alone], rtol=1e-12, atol=1e-15)


def test_what_is_no_member_moves_nothing():
    rewards, member = tensor(1, 0, 0, 100, 7), torch.tensor([True, True, True, False, False], device=DEVICE)
    weight = row_weights(["a", "b", "c", "x", "x"], DEVICE, member)
    assert close(weight, 1, 1, 1, 0, 0)
    found = grpo_advantage(rewards, weight, Groups("ppppp", DEVICE))
    assert close(found[:3], *advantages((1, 0, 0), "ppp").tolist())
    # as in verl's GRPO, a group of which one is left has its reward
    alone = grpo_advantage(tensor(100, 1), tensor(0, 1), Groups("pp", DEVICE))
    assert close(alone[1:], 1 / (1 + 1e-6))


def test_a_reward_that_is_no_number_stays_one():
    assert advantages((math.nan, math.nan, 0.5), "ppq").isnan().tolist() == [True, True, False]
