"""Filtered and rejected responses are in no loss, whatever they hold and however a batch is cut, ordered or padded."""

import numpy as np
import pytest
import torch
from verl.trainer.config import AlgoConfig
from verl.trainer.ppo.core_algos import get_adv_estimator_fn, get_policy_loss_fn

from recipe.hapo import HAPOConfig
from recipe.hapo.method import HAPO
from recipe.htpo import HTPOConfig
from recipe.htpo.method import HTPO
from recipe.token_level.context import EstimatorInputs, LossInputs, handing_estimator, handing_loss
from tests.pure_support import random_batch
from tests.token_level.actor_update import token_fields
from tests.token_level.masked import kept_tokens

ROWS = 12
METHODS = {"htpo": HTPO, "hapo": HAPO}
SETTINGS = {"htpo": HTPOConfig(), "hapo": HAPOConfig()}
methods = pytest.mark.parametrize("name", METHODS)


def masked_batch(**others):
    """As the trainer sends it after `_mask_from_loss`; `exists` are the tokens that the responses have."""
    batch = random_batch(rows=ROWS)
    exists = batch["response_mask"]
    batch |= {"exists": exists, "response_mask": kept_tokens(exists)} | others
    return batch | {"advantages": batch["advantages"] * batch["response_mask"]}


def loss_of(name, batch, config):
    """(loss, gradient, sums for the metrics) of the registered loss; of a batch with its token fields."""
    log_prob = batch["log_prob"].clone().requires_grad_()
    fields = {field: batch[field] for field in METHODS[name].token_fields}
    rows = (batch["old_log_prob"], log_prob, batch["advantages"], batch["response_mask"])
    with handing_loss(LossInputs(METHODS[name].settings({}, config), fields)) as inputs:
        loss, _ = get_policy_loss_fn(name)(*rows, config.loss_agg_mode, config, None)
    loss.backward()
    return loss.detach(), log_prob.grad, {key: value.item() for key, value in inputs.sums.items()}


def with_fields(name, batch):
    return batch | token_fields(name, batch, SETTINGS[name])


@pytest.mark.parametrize("mode", ["token-mean", "seq-mean-token-mean", "seq-mean-token-sum"])
@pytest.mark.parametrize("size", [1, 5, ROWS])
@methods
def test_micro_batches_in_any_order_and_width_add_up(actor_config, name, size, mode):
    batch = with_fields(name, masked_batch())
    whole = loss_of(name, batch, actor_config(mode, recipe=name))
    config = actor_config(mode, recipe=name)
    tokens = int(batch["response_mask"].sum())
    config.global_batch_info.update(dp_size=1, batch_num_tokens=tokens, global_batch_size=ROWS, loss_scale_factor=None)
    loss, gradient, sums = 0.0, torch.zeros_like(whole[1]), {}
    for rows in torch.randperm(ROWS, generator=torch.Generator().manual_seed(0)).split(size):
        width = int(batch["exists"][rows].sum(dim=1).max())
        part = {key: value[rows] if value.ndim == 1 else value[rows, :width] for key, value in batch.items()}
        part_loss, part_gradient, part_sums = loss_of(name, part, config)
        loss += part_loss
        gradient[rows, :width] += part_gradient
        sums = {key: sums.get(key, 0) + value for key, value in part_sums.items()}
    if mode == "token-mean":  # the others divide by the rows that have a token, or by the global batch where it is known
        torch.testing.assert_close(loss, whole[0], rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(gradient, whole[1], rtol=1e-12, atol=1e-16)
    again = loss_of(name, batch, config)
    torch.testing.assert_close(loss, again[0], rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(gradient, again[1], rtol=1e-12, atol=1e-16)
    metrics = METHODS[name].ratios(sums)
    assert metrics == pytest.approx(METHODS[name].ratios(whole[2]), rel=1e-5)
    assert metrics
    assert (gradient[~batch["response_mask"]] == 0).all()
    assert (gradient[batch["response_mask"]] != 0).any()


@methods
def test_what_masked_tokens_hold_is_seen_by_nothing(actor_config, name):
    config = actor_config(recipe=name)
    batch = masked_batch()
    other = dict(batch)
    for key in ("log_prob", "old_log_prob", "entropy", "advantages"):
        other[key] = torch.where(batch["response_mask"], batch[key], 3 * torch.rand_like(batch[key]))
    found, expected = (loss_of(name, with_fields(name, one), config) for one in (other, batch))
    for a, b in zip(found[:2], expected[:2], strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
    assert found[2] == expected[2]


@methods
def test_rows_that_are_masked_as_a_whole_are_as_good_as_absent(actor_config, name):
    config = actor_config(recipe=name)
    batch = masked_batch()
    rest = batch["response_mask"].any(dim=1)
    assert int(rest.sum()) == ROWS - 2
    found, expected = (
        loss_of(name, with_fields(name, one), config) for one in (batch, {key: value[rest] for key, value in batch.items()})
    )
    torch.testing.assert_close(found[0], expected[0], rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(found[1][rest], expected[1], rtol=1e-12, atol=1e-16)
    assert METHODS[name].ratios(found[2]) == pytest.approx(METHODS[name].ratios(expected[2]), rel=1e-12)


T = 8
KEYS = [f"p{prompt}_{session}_0" for prompt in range(3) for session in range(4)]


def estimated(name, order, padding=0):
    """(advantages, token fields, statistics), rows as in KEYS; after an estimator has seen them in `order` and then padding."""
    generator = torch.Generator().manual_seed(0)
    exists = torch.arange(T) < torch.randint(1, T + 1, (ROWS,), generator=generator)[:, None]
    mask = exists.clone()
    mask[[1, 9]] = False  # rejected as a whole
    mask[2, ::2] = False
    entropy = torch.rand(ROWS, T, generator=generator).pow(3)
    acc = torch.arange(ROWS) % 3 == 0
    rewards = torch.zeros(ROWS, T)
    rewards[range(ROWS), exists.sum(dim=1) - 1] = acc.float() - 0.01 * torch.arange(ROWS)
    filtered = np.isin(np.arange(ROWS), [4, 6])

    def rows(values, extra=0.0):
        return torch.cat([values[order], torch.full((padding, *values.shape[1:]), extra, dtype=values.dtype)])

    keys = [*(KEYS[i] for i in order), *(f"pad{i}_0_0" for i in range(padding))]
    inputs = EstimatorInputs(
        settings=SETTINGS[name],
        keys=keys,
        is_padding=np.arange(len(keys)) >= ROWS,
        entropy=rows(entropy),
        acc=rows(acc.double()).numpy(),
        filtered=np.concatenate([filtered[order], np.zeros(padding, dtype=bool)]),
    )
    index = np.array([key.split("_")[0] for key in keys], dtype=object)
    with handing_estimator(inputs):
        advantages, _ = get_adv_estimator_fn(name)(
            token_level_rewards=rows(rewards), response_mask=rows(mask.long()), index=index, config=AlgoConfig()
        )
    back = torch.tensor(order).argsort()
    fields = {key: values[back] for key, values in inputs.token_fields.items()}
    return advantages[back], fields, inputs.statistics, inputs.metrics


@pytest.mark.parametrize("padding", [0, 3])
@methods
def test_the_order_of_rows_and_padding_change_nothing_on_the_driver(name, padding):
    order = [7, 2, 11, 0, 5, 9, 1, 10, 4, 8, 3, 6]
    expected, found = estimated(name, list(range(ROWS))), estimated(name, order, padding)
    torch.testing.assert_close(found[0], expected[0], rtol=1e-6, atol=1e-7)
    assert (expected[0][[1, 4, 6, 9]] == 0).all()
    assert (expected[0][[0, 5, 10]] != 0).any()
    assert found[1].keys() == expected[1].keys()
    for key in expected[1]:
        torch.testing.assert_close(found[1][key], expected[1][key], rtol=1e-6, atol=1e-7)
    metrics, before = ({key: x for key, x in one[3].items() if not key.startswith("timing_s/")} for one in (found, expected))
    assert metrics == pytest.approx(before, rel=1e-6)
    if expected[2] is not None:
        for key, value in vars(expected[2]).items():
            assert vars(found[2])[key] == (value if isinstance(value, str) else pytest.approx(value, rel=1e-6)), key
