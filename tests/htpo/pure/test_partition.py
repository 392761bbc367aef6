"""The partition on small batches worked out by hand; properties on random ones are in test_partition_properties.py."""

import torch

from recipe.htpo import GROUPS, HTPOConfig, Objective, partition_tokens
from recipe.htpo.partition import row_labels
from tests.pure_support import DEVICE, raises, random_batch


def split(entropy, mask=None, hard=True, correct=True, **settings):
    """Groups of one row as a list."""
    entropy = torch.tensor([entropy], device=DEVICE, dtype=torch.float64)
    mask = torch.ones_like(entropy, dtype=torch.bool) if mask is None else torch.tensor([mask], device=DEVICE)
    labels = (torch.tensor([x], device=DEVICE) for x in (hard, correct))
    return partition_tokens(entropy, mask, *labels, HTPOConfig(**settings))[0].tolist()


def test_ids_follow_the_paper_figure():
    entropy = [0.1, 0.9, 0.2, 0.3, 0.4]  # 20% of 5: one high-entropy token
    expected = {(True, True): (1, 2), (True, False): (3, 4), (False, True): (5, 6), (False, False): (7, 8)}
    for (hard, correct), (low, high) in expected.items():
        groups = split(entropy, hard=hard, correct=correct, objectives="dapo")
        assert groups == [low, high, low, low, low]
        assert GROUPS[low - 1] == f"{'hard' if hard else 'easy'}_{'correct' if correct else 'wrong'}_low"


def test_ties_with_the_border_are_high():
    assert split([0.5, 0.5, 0.1, 0.5, 0.1], objectives="dapo") == [2, 2, 1, 2, 1]
    assert split([0.3] * 4, objectives="dapo") == [2] * 4


def test_one_token_is_high_and_nothing_crashes():
    assert split([0.0], objectives="dapo") == [2]
    assert split([0.0]) == [2]
    assert split([0.0], hard=False) == [-6]  # the share is at least one token, as released


def test_holes_and_padding_are_ignored():
    assert split([9.0, 0.1, 9.0, 0.2, 9.0], mask=[False, True, False, True, False], objectives="dapo") == [0, 1, 0, 2, 0]
    assert split([1.0, 2.0], mask=[False, False]) == [0, 0]
    assert split([float("nan"), 0.5], mask=[False, True], objectives="dapo") == [0, 2]


def test_detached_tokens_are_negative():
    entropy = [float(i) for i in range(20)]
    # 16 low tokens, half of them: k = 8, border = the 8th smallest, strictly below: 7 tokens
    assert split(entropy, detach_lowest_fraction=0.5) == [-1] * 7 + [1] * 9 + [2] * 4
    # 4 high tokens, half of them: border = the 2nd largest, itself included
    assert split(entropy, hard=False, detach_highest_fraction=0.5) == [5] * 16 + [6, 6, -6, -6]
    # k = 1: nothing is strictly below the smallest, but the largest is detached
    assert split(entropy)[:16] == [1] * 16
    assert split(entropy, hard=False)[-1] == -6


def test_shares_are_those_of_python():
    # 0.29 * 100 is just below 29 in float64 and just above in float32
    entropy = [float(i) for i in range(100)]
    assert split(entropy, high_entropy_fraction=0.29, objectives="dapo") == [1] * 72 + [2] * 28


def test_a_batch_without_rows_has_no_groups():
    empty, none = torch.zeros(0, 4, device=DEVICE), torch.zeros(0, dtype=torch.bool, device=DEVICE)
    assert partition_tokens(empty, empty, none, none, HTPOConfig()).shape == (0, 4)


def test_the_partition_has_no_gradient():
    entropy = torch.rand(2, 5, device=DEVICE, requires_grad=True)
    labels = torch.ones(2, dtype=torch.bool, device=DEVICE)
    groups = partition_tokens(entropy, torch.ones(2, 5, device=DEVICE), labels, labels, HTPOConfig())
    assert groups.dtype == torch.int8


def test_detaching_follows_the_table():
    entropy = [float(i) for i in range(20)]
    shares = {"detach_lowest_fraction": 0.5, "detach_highest_fraction": 0.5}
    table = {"hard_correct_low": Objective(detach="highest"), "hard_correct_high": Objective(detach="lowest")}
    assert split(entropy, objectives=table, **shares) == [1] * 8 + [-1] * 8 + [-2] + [2] * 3
    assert split(entropy, objectives="dapo", **shares) == [1] * 16 + [2] * 4


def test_row_labels_reads_the_partition_back():
    for objectives in ("htpo", "dapo"):
        batch = random_batch(rows=40)
        config = HTPOConfig(objectives=objectives, detach_highest_fraction=1.0)
        groups = partition_tokens(batch["entropy"], batch["response_mask"], batch["hard"], batch["correct"], config)
        hard, correct = row_labels(groups)
        assert torch.equal(hard, batch["hard"])
        assert torch.equal(correct, batch["correct"])
    assert [x.tolist() for x in row_labels(torch.zeros(1, 3, dtype=torch.int8, device=DEVICE))] == [[False], [True]]


def test_shapes_that_do_not_fit_are_named():
    labels = torch.ones(3, dtype=torch.bool, device=DEVICE)
    with raises(ValueError, "[3, 4]", "[3, 5]"):
        partition_tokens(torch.ones(3, 4, device=DEVICE), torch.ones(3, 5, device=DEVICE), labels, labels, HTPOConfig())
    ones = torch.ones(3, 4, device=DEVICE)
    for hard, correct in ((3, 2), (2, 3), (2, 2), (1, 1), (1, 3)):
        with raises(ValueError, f"[{hard}]", f"[{correct}]"):
            partition_tokens(ones, ones, labels[:hard], labels[:correct], HTPOConfig())
    with raises(ValueError, "[3, 1]"):
        partition_tokens(ones, ones, labels[:, None], labels[:, None], HTPOConfig())


def test_bfloat16_is_compared_as_float32():
    batch = random_batch()
    rest = (batch["response_mask"], batch["hard"], batch["correct"], HTPOConfig())
    coarse = batch["entropy"].bfloat16()
    assert torch.equal(partition_tokens(coarse, *rest), partition_tokens(coarse.float(), *rest))
