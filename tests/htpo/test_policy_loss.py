"""The policy loss registered with verl: equal to verl's own where it must be, its metrics, its errors."""

import numpy as np
import pytest
import torch
from verl.trainer.ppo.core_algos import compute_policy_loss_vanilla, get_policy_loss_fn

from recipe.htpo import GROUPS, HTPOConfig, partition_tokens, token_losses
from recipe.htpo.method import HTPO
from recipe.htpo.metrics import loss_ratios, partition_metrics
from recipe.token_level.context import LossInputs, handing_loss
from recipe.token_level.device_metrics import device_metrics
from tests.no_sync import no_sync
from tests.pure_support import random_batch

AGGREGATIONS = ["token-mean", "token-sum", "seq-mean-token-sum", "seq-mean-token-mean", "seq-mean-token-sum-norm"]


def call(batch, config, entropy=None, weights=None, **htpo):
    """(loss, gradient, metrics, sums) of the registered loss."""
    settings = HTPO.settings(htpo, config)
    groups = partition_tokens(batch["entropy"], batch["response_mask"], batch["hard"], batch["correct"], settings)
    log_prob = batch["log_prob"].clone().requires_grad_()
    with handing_loss(LossInputs(settings, {"token_groups": groups}, entropy=entropy)) as inputs:
        loss, metrics = get_policy_loss_fn("htpo")(
            old_log_prob=batch["old_log_prob"],
            log_prob=log_prob,
            advantages=batch["advantages"],
            response_mask=batch["response_mask"],
            loss_agg_mode=config.loss_agg_mode,
            config=config,
            rollout_is_weights=weights,
        )
    loss.backward()
    assert metrics == {}  # they are with the inputs, for the wrapper
    means, sums = ({name: x.item() for name, x in values.items()} for values in (inputs.means, inputs.sums))
    return loss.detach(), log_prob.grad, means, sums


def vanilla(batch, config, weights=None):
    log_prob = batch["log_prob"].clone().requires_grad_()
    loss, metrics = compute_policy_loss_vanilla(
        batch["old_log_prob"],
        log_prob,
        batch["advantages"],
        batch["response_mask"],
        config.loss_agg_mode,
        config,
        weights,
    )
    loss.backward()
    return loss.detach(), log_prob.grad, metrics


@pytest.mark.parametrize("mode", AGGREGATIONS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dual", [3.0, 10.0])
def test_the_dapo_preset_is_verls_vanilla_loss(actor_config, mode, weighted, dual):
    config = actor_config(mode, clip_ratio_c=dual)
    batch = random_batch(rows=16, seed=5)
    batch["log_prob"] = batch["log_prob"] * 2  # ratios far enough out for the dual clip
    weights = torch.rand(16, 64, dtype=torch.float64) if weighted else None
    loss, gradient, metrics, _ = call(batch, config, weights=weights, objectives="dapo")
    expected_loss, expected_gradient, expected_metrics = vanilla(batch, config, weights)
    torch.testing.assert_close(loss, expected_loss, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-12, atol=1e-14)
    assert metrics.keys() == expected_metrics.keys()
    for name, value in expected_metrics.items():
        assert metrics[name] == pytest.approx(value, abs=1e-6), name
    assert metrics["actor/pg_clipfrac"] > 0.1
    assert (metrics["actor/pg_clipfrac_lower"] > 0) == (dual == 3.0)


def test_htpo_is_not_the_vanilla_loss(actor_config):
    config, batch = actor_config(), random_batch()
    assert not torch.allclose(call(batch, config)[1], vanilla(batch, config)[1])


@pytest.mark.parametrize("mode", ["token-mean", "seq-mean-token-mean", "seq-mean-token-sum"])
@pytest.mark.parametrize("size", [1, 2, 12])
def test_micro_batches_with_global_normalisation_add_up(actor_config, mode, size):
    batch = random_batch(rows=12)
    whole = call(batch, actor_config(mode))
    config = actor_config(mode)
    config.global_batch_info.update(
        dp_size=1, batch_num_tokens=int(batch["response_mask"].sum()), global_batch_size=12, loss_scale_factor=None
    )
    parts = [call({name: value[i : i + size] for name, value in batch.items()}, config) for i in range(0, 12, size)]
    torch.testing.assert_close(sum(p[0] for p in parts), whole[0])
    torch.testing.assert_close(torch.cat([p[1] for p in parts]), whole[1])
    sums = {key: sum(p[3][key] for p in parts) for key in whole[3]}
    assert loss_ratios(sums) == pytest.approx(loss_ratios(whole[3]), rel=1e-5)


def test_group_metrics_in_closed_form(actor_config):
    batch, config = random_batch(rows=16, dtype=torch.float32), actor_config()
    groups = partition_tokens(batch["entropy"], batch["response_mask"], batch["hard"], batch["correct"], HTPOConfig())
    losses = token_losses(batch["log_prob"], batch["old_log_prob"], batch["advantages"], groups, HTPOConfig())
    ratio = (batch["log_prob"] - batch["old_log_prob"]).exp()
    outside = (ratio < 0.8) | (ratio > 1.28)
    # Silenced tokens that DAPO would move, and those outside the range where a group's objective begins.
    up, moved = batch["advantages"] > 0, torch.where(batch["advantages"] > 0, ratio <= 1.28, ratio >= 0.8)
    active = ((groups < 0) & moved) | ((groups == 2) & up & outside) | (((groups == 4) | (groups == 8)) & ~up & (ratio < 0.8))
    found = partition_metrics(groups, batch["entropy"]) | loss_ratios(call(batch, config)[3])
    for group, name in enumerate(GROUPS, start=1):
        member = groups.abs() == group
        assert member.any()
        assert found[f"htpo/{name}/token_share"] == pytest.approx(float(member.sum() / batch["response_mask"].sum()))
        assert found[f"htpo/{name}/entropy"] == pytest.approx(float(batch["entropy"][member].mean()), rel=1e-5)
        assert found[f"htpo/{name}/detached_share"] == pytest.approx(float((groups[member] < 0).float().mean()))
        assert found[f"htpo/{name}/outside_clip_share"] == pytest.approx(float(outside[member].float().mean()), rel=1e-5)
        assert found[f"htpo/{name}/active_share"] == pytest.approx(float(active[member].float().mean()), rel=1e-5)
        assert found[f"htpo/{name}/loss"] == pytest.approx(float(losses[member].mean()), rel=1e-4, abs=1e-6)
    assert sum(found[f"htpo/{name}/token_share"] for name in GROUPS) == pytest.approx(1)
    assert found["htpo/active_share"] == pytest.approx(float(active[batch["response_mask"]].float().mean()), rel=1e-6)
    assert 0.01 < found["htpo/active_share"] < 0.5


def test_weights_do_not_make_a_token_active_and_dapo_reports_none(actor_config):
    batch, config = random_batch(rows=16), actor_config()
    weights = torch.rand(16, 64, dtype=torch.float64) + 0.5
    found, weighted = (loss_ratios(call(batch, config, weights=x)[3]) for x in (None, weights))
    assert weighted["htpo/active_share"] == found["htpo/active_share"]
    assert not [name for name in loss_ratios(call(batch, config, objectives="dapo")[3]) if "active" in name]
    # A table that has DAPO's objective in seven groups of eight is none.
    cell = {"hard_correct_high": {"loss": "encourage"}}
    others = {name: {} for name in GROUPS} | cell
    assert "htpo/active_share" in loss_ratios(call(batch, config, objectives=others)[3])


def test_an_empty_group_reports_a_share_of_zero_and_nothing_else():
    groups = torch.tensor([[1, 2, 0]], dtype=torch.int8)
    metrics = partition_metrics(groups, torch.tensor([[0.1, 0.2, np.nan]]))
    assert metrics["htpo/easy_wrong_low/token_share"] == 0
    assert "htpo/easy_wrong_low/entropy" not in metrics
    assert metrics["htpo/hard_correct_low/token_share"] == 0.5
    assert loss_ratios({}) == {}


def test_current_policy_partitions_by_the_entropy_of_the_update(actor_config):
    batch, config = random_batch(), actor_config(calculate_entropy=True)
    # The same entropies from the other source give the same loss, other entropies another one.
    same = call(batch, config, entropy=batch["entropy"], entropy_source="current_policy")
    torch.testing.assert_close(same[1], call(batch, actor_config())[1])
    other = call(batch, config, entropy=1 - batch["entropy"], entropy_source="current_policy")
    flipped = call(batch | {"entropy": 1 - batch["entropy"]}, actor_config())
    assert not torch.allclose(same[1], other[1])
    torch.testing.assert_close(other[1], flipped[1])


def test_without_groups_the_loss_says_how_to_start(actor_config):
    batch = random_batch()
    with pytest.raises(ValueError, match=r"without token_groups.*algorithm.adv_estimator=htpo.*python -m recipe.htpo.main"):
        get_policy_loss_fn("htpo")(
            batch["old_log_prob"], batch["log_prob"], batch["advantages"], batch["response_mask"], "token-mean", actor_config()
        )
    with handing_loss(LossInputs(HTPOConfig(), {})), pytest.raises(ValueError, match="without token_groups"):
        get_policy_loss_fn("htpo")(
            batch["old_log_prob"], batch["log_prob"], batch["advantages"], batch["response_mask"], "token-mean", actor_config()
        )


@pytest.mark.parametrize("source", ["old_policy", "current_policy"])
def test_the_registered_loss_and_its_metrics_do_not_synchronise(actor_config, source):
    batch, config = random_batch(dtype=torch.float32), actor_config(calculate_entropy=True)
    settings = HTPOConfig(entropy_source=source)
    config.global_batch_info.update(dp_size=1, batch_num_tokens=int(batch["response_mask"].sum()), global_batch_size=12)
    groups = partition_tokens(batch["entropy"], batch["response_mask"], batch["hard"], batch["correct"], settings)
    log_prob = batch["log_prob"].requires_grad_()
    rows = (batch["old_log_prob"], log_prob, batch["advantages"], batch["response_mask"])
    with no_sync(), handing_loss(LossInputs(settings, {"token_groups": groups}, batch["entropy"])) as inputs:
        loss, _ = get_policy_loss_fn("htpo")(*rows, "token-mean", config)
        metrics = device_metrics(inputs.means, inputs.sums)
        loss.backward()
    assert len(metrics) == 3 + 4 * len(GROUPS)
