"""Forking tokens over a batch, and tokens at random: in closed form, and the same whatever is beside a row."""

import hashlib
import math

import torch

from recipe.htpo import HTPOConfig, partition_tokens
from recipe.htpo.partition import ranked_by
from recipe.rivals.selection import batch_border, random_scores
from tests.pure_support import only_on, raises, random_batch

M = 2**64 - 1


def split_mix(key: str, position: int) -> float:
    x = (int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little") + position * 0x9E3779B97F4A7C15) & M
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & M
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & M
    return ((x ^ (x >> 31)) >> 11) / 2**53


def test_the_scores_are_split_mix_64():
    keys = ["a_0_0", "a_1_0", "b_0_0"]
    assert random_scores(keys, 4).tolist() == [[split_mix(key, t) for t in range(1, 5)] for key in keys]


def test_the_scores_are_uniform_and_have_no_order():
    scores = random_scores([f"p{i}_{j}_0" for i in range(100) for j in range(10)], 100).flatten()
    torch.testing.assert_close(scores.sort().values, torch.linspace(0, 1, len(scores)).double(), rtol=0, atol=0.01)
    rows = scores.view(1000, 100)
    for one, other in ((rows[:-1], rows[1:]), (rows[:, :-1], rows[:, 1:])):
        pair = torch.stack([one.flatten(), other.flatten()])
        assert abs(torch.corrcoef(pair)[0, 1]) < 0.02


def test_a_batchs_border_by_hand():
    entropy = torch.tensor([[0.1, 0.9, 0.3], [0.8, 0.2, 5.0]])
    mask = torch.tensor([[1, 1, 1], [1, 1, 0]]).bool()
    assert math.isclose(batch_border(entropy, mask, 0.4), 0.8, rel_tol=1e-6)  # two of five
    assert math.isclose(batch_border(entropy, mask, 0.0), 0.9, rel_tol=1e-6)  # at least one
    assert math.isclose(batch_border(entropy, mask, 1.0), 0.1, rel_tol=1e-6)
    assert batch_border(entropy.bfloat16(), mask, 0.4) == torch.tensor(0.8).bfloat16().float()
    assert batch_border(entropy, mask & False, 0.4) == torch.inf


def keys_of(rows):
    return [f"p{row // 4}_{row % 4}_0" for row in range(rows)]


def partition(batch, by, rows=None, entropy=None):
    config, keys = HTPOConfig(high_entropy_by=by), keys_of(len(batch["hard"]))
    rows = torch.arange(len(keys)) if rows is None else rows
    part = {name: x[rows] for name, x in batch.items()}
    entropy = part["entropy"] if entropy is None else entropy
    ranked, border = ranked_by(entropy, part["response_mask"], [keys[i] for i in rows.tolist()], config)
    return partition_tokens(ranked, part["response_mask"], part["hard"], part["correct"], config, border)


def is_high(groups):
    return (groups != 0) & (groups % 2 == 0)


def test_over_a_batch_the_most_uncertain_fifth_of_all_tokens_is_high():
    only_on("cpu")
    batch = random_batch(rows=24)
    batch["entropy"] = batch["entropy"] * torch.linspace(0.1, 1, 24)[:, None]
    high, mask = is_high(partition(batch, "batch")), batch["response_mask"]
    assert high.sum() == int(0.2 * mask.sum())
    assert batch["entropy"][high].min() > batch["entropy"][mask & ~high].max()
    assert not torch.equal(high, is_high(partition(batch, "response")))
    assert not high[0].any()  # a response may have none


def test_at_random_a_fifth_of_each_response_is_high_whatever_is_beside_it():
    only_on("cpu")
    batch = random_batch(rows=24)
    whole, mask = partition(batch, "random"), batch["response_mask"]
    high, n = is_high(whole), mask.sum(1)
    assert torch.equal(high.sum(1), (n.double() * 0.2).long().clamp(min=1))
    order = torch.randperm(24, generator=torch.Generator().manual_seed(0))
    for some in (order, order[:5], order[5:6]):
        assert torch.equal(partition(batch, "random", some), whole[some])
    # neither by entropy nor the same places in two responses
    assert torch.equal(is_high(partition(batch, "random", entropy=1 - batch["entropy"])), high)
    assert abs(batch["entropy"][high].mean() - batch["entropy"][mask].mean()) < 0.1
    long = n >= 40
    assert len({tuple(row) for row in high[long][:, :40].tolist()}) == long.sum()


def test_nested_rows_give_what_padded_ones_give():
    only_on("cpu")
    batch = random_batch(rows=24)
    lengths = batch["response_mask"].sum(1).tolist()
    rows = torch.nested.as_nested_tensor([x[:n] for x, n in zip(batch["entropy"], lengths, strict=True)], layout=torch.jagged)
    for by in ("response", "batch", "random"):
        found, expected = partition(batch, by, entropy=rows), partition(batch, by)
        for one, other, n in zip(found.unbind(), expected, lengths, strict=True):
            assert torch.equal(one, other[:n])


def test_what_is_decided_over_a_batch_cannot_go_by_the_current_entropies():
    for by in ("batch", "random"):
        with raises(ValueError, "htpo.high_entropy_by", by, "htpo.entropy_source=old_policy"):
            HTPOConfig(high_entropy_by=by, entropy_source="current_policy")
    with raises(ValueError, "htpo.high_entropy_by is 'token'"):
        HTPOConfig(high_entropy_by="token")
