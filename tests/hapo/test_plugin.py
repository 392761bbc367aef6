"""HAPO's loss and estimator as registered with verl: equal to verl's own where they must be, metrics, invariance, errors."""

import numpy as np
import pytest
import torch
from verl.trainer.config import AlgoConfig
from verl.trainer.ppo.core_algos import compute_policy_loss_vanilla, get_adv_estimator_fn, get_policy_loss_fn

from recipe.hapo import HAPOConfig, entropy_score, entropy_statistics, token_level_group_advantage, token_losses
from recipe.hapo.method import HAPO
from recipe.hapo.metrics import loss_ratios
from recipe.token_level.context import EstimatorInputs, LossInputs, handing_estimator, handing_loss
from recipe.token_level.device_metrics import device_metrics
from tests.no_sync import no_sync
from tests.pure_support import random_batch

OFF = {"adaptive_clip": False, "adaptive_advantage": False}


def scored(batch, settings=None):
    statistics = entropy_statistics(batch["entropy"], batch["response_mask"], settings or HAPOConfig())
    return entropy_score(batch["entropy"], statistics)


def call(batch, config, score, weights=None, **hapo):
    """(loss, gradient, metrics, sums) of the registered loss."""
    log_prob = batch["log_prob"].clone().requires_grad_()
    rows = (batch["old_log_prob"], log_prob, batch["advantages"], batch["response_mask"])
    with handing_loss(LossInputs(HAPO.settings(hapo, config), {"entropy_score": score})) as inputs:
        loss, metrics = get_policy_loss_fn("hapo")(*rows, config.loss_agg_mode, config, weights)
    loss.backward()
    assert metrics == {}  # they are with the inputs, for the wrapper
    means, sums = ({name: x.item() for name, x in values.items()} for values in (inputs.means, inputs.sums))
    return loss.detach(), log_prob.grad, means, sums


@pytest.mark.parametrize("mode", ["token-mean", "seq-mean-token-sum", "seq-mean-token-sum-norm"])
@pytest.mark.parametrize("weighted", [False, True])
def test_with_both_loss_parts_off_it_is_verls_vanilla_loss(actor_config, mode, weighted):
    batch = random_batch(rows=16, seed=5)
    batch["log_prob"] = batch["log_prob"] * 2  # ratios far enough out for the dual clip
    config = actor_config(mode, clip_ratio_c=3.0, recipe="hapo")
    weights = torch.rand(16, 64, dtype=torch.float64) if weighted else None
    loss, gradient, metrics, sums = call(batch, config, scored(batch), weights, **OFF)

    log_prob = batch["log_prob"].clone().requires_grad_()
    rows = (batch["old_log_prob"], log_prob, batch["advantages"], batch["response_mask"])
    expected, expected_metrics = compute_policy_loss_vanilla(*rows, mode, config, weights)
    expected.backward()
    torch.testing.assert_close(loss, expected.detach(), rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(gradient, log_prob.grad, rtol=1e-12, atol=1e-14)
    assert metrics.keys() == expected_metrics.keys()
    for name, value in expected_metrics.items():
        assert metrics[name] == pytest.approx(value, abs=1e-6), name
    assert sums["high_entropy/redistributed"] == sums["low_entropy/redistributed"] == 0


def test_the_clip_range_is_the_actors(actor_config):
    batch, config = random_batch(), actor_config(recipe="hapo", clip_ratio_c=5.0)  # 0.2 and 0.28, not HAPOConfig's own
    score = scored(batch)
    loss, *_ = call(batch, config, score)
    settings = HAPOConfig(clip_ratio_low=0.2, clip_ratio_high=0.28, clip_ratio_c=5.0)
    rows = (batch["log_prob"], batch["old_log_prob"], batch["advantages"], score)
    mask = batch["response_mask"]
    assert loss.item() == pytest.approx(token_losses(*rows, settings)[mask].mean().item(), rel=1e-12)
    assert loss.item() != pytest.approx(token_losses(*rows, HAPOConfig())[mask].mean().item(), rel=1e-6)


def test_metrics_count_what_they_say(actor_config):
    batch, config = random_batch(rows=16, seed=3), actor_config(recipe="hapo")
    settings = HAPOConfig(clip_ratio_high=0.28)
    score = scored(batch)
    *_, metrics, sums = call(batch, config, score)
    found = loss_ratios(sums)

    mask, ratio = batch["response_mask"], (batch["log_prob"] - batch["old_log_prob"]).exp()
    losses = token_losses(batch["log_prob"], batch["old_log_prob"], batch["advantages"], score, settings)
    high = 1 + 0.28 * (1 + score.clamp(min=0))
    low = 1 - 0.2 * (1 - score.clamp(max=0))
    inside = (ratio > 1 - (1 - low) / 2) & (ratio < 1 + (high - 1) / 2)
    for side, member, scaled in (("high_entropy", score > 0, ~inside), ("low_entropy", score <= 0, inside)):
        member = member & mask
        assert found[f"hapo/{side}/token_share"] == pytest.approx((member.sum() / mask.sum()).item())
        outside = (ratio > high) | (ratio < low)
        assert found[f"hapo/{side}/outside_clip_share"] == pytest.approx(outside[member].float().mean().item())
        assert found[f"hapo/{side}/redistributed_share"] == pytest.approx(scaled[member].float().mean().item())
        assert found[f"hapo/{side}/loss"] == pytest.approx(losses[member].mean().item(), rel=1e-5)
    assert found["hapo/high_entropy/token_share"] == pytest.approx(0.2, abs=0.01)
    lost = torch.where(batch["advantages"] > 0, ratio > high, ratio < low)
    assert metrics["actor/pg_clipfrac"] == pytest.approx(lost[mask].float().mean().item(), abs=1e-6)


def test_active_shares_by_hand(actor_config):
    batch, config = random_batch(rows=16, seed=3), actor_config(recipe="hapo")
    score = scored(batch)
    found = loss_ratios(call(batch, config, score)[3])
    mask, up = batch["response_mask"], batch["advantages"] > 0
    ratio = (batch["log_prob"] - batch["old_log_prob"]).exp()

    def kept(low, high):
        return torch.where(up, ratio <= 1 + high, ratio >= 1 - low)

    low, high = 0.2 * (1 - score.clamp(max=0)), 0.28 * (1 + score.clamp(min=0))
    wider = kept(low, high) & ~kept(0.2, 0.28)
    inside = (ratio > 0.9) & (ratio < 1.14)
    scaled = torch.where(score > 0, ~inside, inside) & (score != 0) & kept(0.2, 0.28)
    for part, tokens in (("adaptive_clip", wider), ("adaptive_advantage", scaled)):
        assert found[f"hapo/{part}/active_share"] == pytest.approx(tokens[mask].float().mean().item(), rel=1e-6), part
        assert tokens[mask].any()
        alone = {other: other == part for other in OFF}
        ratios = loss_ratios(call(batch, config, score, **alone)[3])
        assert ratios["hapo/active_share"] == pytest.approx(found[f"hapo/{part}/active_share"])
    assert not [name for name in loss_ratios(call(batch, config, score, **OFF)[3]) if "active" in name]


def test_metrics_do_not_see_what_is_outside_the_mask(actor_config):
    batch, config = random_batch(rows=6), actor_config(recipe="hapo")
    score = scored(batch)
    expected = call(batch, config, score)[2:]
    outside = ~batch["response_mask"]
    batch = batch | {"log_prob": batch["log_prob"].masked_fill(outside, float("nan"))}
    assert call(batch, config, score)[2:] == expected


@pytest.mark.parametrize("size", [1, 2, 12])
def test_micro_batches_in_any_order_and_width_add_up(actor_config, size):
    batch = random_batch(rows=12)
    score = scored(batch)
    whole = call(batch, actor_config(recipe="hapo"), score)
    config = actor_config(recipe="hapo")
    tokens = int(batch["response_mask"].sum())
    config.global_batch_info.update(dp_size=1, batch_num_tokens=tokens, global_batch_size=12, loss_scale_factor=None)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(0))
    loss, gradient, sums = 0.0, torch.zeros_like(whole[1]), {}
    for rows in order.split(size):
        width = int(batch["response_mask"][rows].sum(dim=1).max())
        part = {name: value[rows] if value.ndim == 1 else value[rows, :width] for name, value in batch.items()}
        part_loss, part_gradient, _, part_sums = call(part, config, score[rows, :width])
        loss += part_loss
        gradient[rows, :width] += part_gradient
        sums = {name: sums.get(name, 0) + value for name, value in part_sums.items()}
    torch.testing.assert_close(loss, whole[0], rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(gradient, whole[1], rtol=1e-12, atol=1e-16)
    assert loss_ratios(sums) == pytest.approx(loss_ratios(whole[3]), rel=1e-5)


def test_without_scores_the_loss_says_how_to_start(actor_config):
    batch = random_batch(rows=2)
    rows = (batch["old_log_prob"], batch["log_prob"], batch["advantages"], batch["response_mask"])
    with pytest.raises(ValueError, match=r"without entropy_score.*python -m recipe.hapo.main"):
        get_policy_loss_fn("hapo")(*rows, "token-mean", actor_config(recipe="hapo"))


def test_the_registered_loss_and_its_metrics_do_not_synchronise(actor_config):
    batch, config = random_batch(dtype=torch.float32), actor_config(recipe="hapo")
    score, log_prob = scored(batch), batch["log_prob"].requires_grad_()
    config.global_batch_info.update(dp_size=1, batch_num_tokens=int(batch["response_mask"].sum()), global_batch_size=12)
    rows = (batch["old_log_prob"], log_prob, batch["advantages"], batch["response_mask"])
    with no_sync(), handing_loss(LossInputs(HAPOConfig(), {"entropy_score": score})) as inputs:
        loss, _ = get_policy_loss_fn("hapo")(*rows, "token-mean", config)
        metrics = device_metrics(inputs.means, inputs.sums)
        loss.backward()
    assert len(metrics) == 3 + 2 * 4 + 3


T = 6


def estimate(keys, rewards, mask, settings=None, padding=(), acc=None, filtered=None):
    """(advantages, EstimatorInputs) of the registered estimator; each reward is on the row's last token."""
    mask = torch.as_tensor(mask)
    table = torch.zeros(len(keys), T)
    table[range(len(keys)), (mask.sum(dim=1) - 1).clamp(min=0)] = torch.tensor(rewards, dtype=torch.float32)
    entropy = torch.rand(len(keys), T, generator=torch.Generator().manual_seed(0)).pow(3)
    inputs = EstimatorInputs(
        settings=settings or HAPOConfig(),
        keys=keys,
        is_padding=np.array([key in padding for key in keys]),
        entropy=entropy,
        acc=np.full(len(keys), np.nan) if acc is None else np.array(acc),  # HAPO needs no verdict
        filtered=None if filtered is None else np.array(filtered),
    )
    index = np.array([key.split("_")[0] for key in keys], dtype=object)
    with handing_estimator(inputs):
        advantages, returns = get_adv_estimator_fn("hapo")(
            token_level_rewards=table, response_mask=mask, index=index, config=AlgoConfig()
        )
    assert torch.equal(advantages, returns)
    return advantages, inputs


def ragged(*lengths):
    return (torch.arange(T) < torch.tensor(lengths)[:, None]).long()


@pytest.mark.parametrize("settings", [HAPOConfig(), HAPOConfig(token_level_advantage=False), HAPOConfig(variant="released")])
def test_the_estimator_gives_the_pure_functions_results(settings):
    keys = ["p_0_0", "q_0_0", "p_1_0", "q_1_0", "p_2_0"]
    rewards, mask = [1.0, 0.0, 0.0, 1.0, 0.5], ragged(3, 6, 1, 2, 4)
    advantages, inputs = estimate(keys, rewards, mask, settings)
    table = torch.zeros(5, T)
    table[:, 0] = torch.tensor(rewards)
    expected = token_level_group_advantage(table, mask, list("pqpqp"), settings)
    assert torch.equal(advantages, expected * mask)  # the released variant's advantages in the padding go no further
    statistics = entropy_statistics(inputs.entropy, mask, settings)
    assert inputs.statistics == statistics
    assert torch.equal(inputs.token_fields["entropy_score"], entropy_score(inputs.entropy, statistics))
    assert statistics.metrics("hapo").items() <= inputs.metrics.items()
    assert inputs.metrics["hapo/grpo_fallback_share"] == 0


def test_the_share_of_prompts_that_fall_back_is_reported():
    # 30 right tokens beside one wrong: an outlier in p, none in q; r has padding rows only
    keys = [f"p_{i}_0" for i in range(6)] + ["q_0_0", "q_1_0", "pad_0_0"]
    rewards = [0.0] + [1.0] * 5 + [0.0, 1.0, 0.0]
    advantages, inputs = estimate(keys, rewards, ragged(1, 6, 6, 6, 6, 6, 3, 3, 0), padding={"pad_0_0"})
    assert inputs.metrics["hapo/grpo_fallback_share"] == 0.5
    assert advantages[0, 0].item() == pytest.approx((0 - 5 / 6) / (np.std([0, 1, 1, 1, 1, 1], ddof=1) + 1e-6), rel=1e-5)
    assert (advantages[-1] == 0).all()


def test_the_share_of_tokens_with_another_advantage_than_grpos():
    # q has eight responses of equal length, where the deviations differ by 7 %; r has a long wrong one; of two the
    # deviations differ by 1.41.
    keys = [f"q_{i}_0" for i in range(8)] + ["r_0_0", "r_1_0", "r_2_0"]
    rewards = [0.0, 1.0] * 4 + [1.0, 0.0, 1.0]
    name = "hapo/token_level_advantage/active_share"
    _, inputs = estimate(keys, rewards, ragged(*[4] * 8, 1, 6, 1))
    assert inputs.metrics[name] == pytest.approx(8 / 40)
    _, inputs = estimate(keys, rewards, ragged(*[4] * 8, 1, 6, 1), filtered=[False] * 9 + [True, False])
    assert inputs.metrics[name] == pytest.approx(2 / 34)
    _, inputs = estimate(["p_0_0", "p_1_0"], [0.0, 1.0], ragged(3, 3))
    assert inputs.metrics[name] == 1
    _, inputs = estimate(keys, rewards, ragged(*[4] * 8, 1, 6, 1), HAPOConfig(token_level_advantage=False))
    assert name not in inputs.metrics


def test_a_session_of_several_outputs_has_one_reward_and_counts_once():
    keys = ["p_0_0", "p_0_1", "p_1_0"]
    rewards, mask = [0.25, 1.0, 0.0], ragged(2, 3, 5)
    # by tokens: 5 of the session with reward 1 (its last output's), 5 of the other
    advantages, _ = estimate(keys, rewards, mask, HAPOConfig(norm_adv_by_std=False))
    assert advantages[:, 0].tolist() == [0.5, 0.5, -0.5]
    # by responses: two sessions, not three rows
    advantages, _ = estimate(keys, rewards, mask, HAPOConfig(norm_adv_by_std=False, token_level_advantage=False))
    assert advantages[:, 0].tolist() == [0.5, 0.5, -0.5]
    advantages, _ = estimate(keys, rewards, mask, HAPOConfig(token_level_advantage=False))
    assert advantages[:, 0].tolist() == pytest.approx([0.5 / (0.5**0.5 + 1e-6)] * 2 + [-0.5 / (0.5**0.5 + 1e-6)])


def test_phantom_advantages_are_counted_and_can_be_dropped():
    keys, rewards, acc = [f"p_{i}_0" for i in range(4)], [-0.01, 0, 0, 0], [0.0] * 4
    advantages, inputs = estimate(keys, rewards, ragged(6, 2, 3, 4), acc=acc)
    assert advantages.abs().max() > 0.1
    assert inputs.metrics["hapo/phantom_advantage_share"] == 1.0
    advantages, inputs = estimate(keys, rewards, ragged(6, 2, 3, 4), HAPOConfig(equal_acc="drop"), acc=acc)
    assert (advantages == 0).all()
    assert inputs.metrics["hapo/phantom_advantage_share"] == 0.0


@pytest.mark.parametrize("settings", [HAPOConfig(), HAPOConfig(token_level_advantage=False)])
def test_a_rejected_response_moves_no_sibling(settings):
    keys = ["p_0_0", "p_1_0", "p_2_0", "p_3_0"]
    found, _ = estimate(keys, [1.0, 0.0, 0.5, 100.0], ragged(3, 6, 1, 0), settings)
    expected, _ = estimate(keys[:3], [1.0, 0.0, 0.5], ragged(3, 6, 1), settings)
    assert torch.equal(found[:3], expected)
    assert (found[3] == 0).all()


@pytest.mark.parametrize("settings", [HAPOConfig(), HAPOConfig(token_level_advantage=False)])
def test_a_filtered_response_is_in_the_baseline_and_in_no_statistics(settings):
    keys, rewards, mask = ["p_0_0", "p_1_0", "p_2_0"], [1.0, 0.0, 0.5], ragged(3, 6, 1)
    whole, _ = estimate(keys, rewards, mask, settings)
    found, inputs = estimate(keys, rewards, mask, settings, filtered=[False, True, False])
    assert torch.equal(found[[0, 2]], whole[[0, 2]])
    assert (found[1] == 0).all()
    kept = mask.bool() & torch.tensor([[True], [False], [True]])
    assert inputs.statistics == entropy_statistics(inputs.entropy, kept, settings)


def test_the_order_of_rows_does_not_matter():
    keys, rewards, lengths = ["p_0_0", "q_0_0", "p_1_0", "q_1_0"], [1.0, 0.0, 0.0, 1.0], (3, 6, 1, 2)
    expected, _ = estimate(keys, rewards, ragged(*lengths))
    order = [2, 0, 3, 1]
    found, _ = estimate([keys[i] for i in order], [rewards[i] for i in order], ragged(*(lengths[i] for i in order)))
    torch.testing.assert_close(found, expected[order])


def test_under_verls_own_trainer_the_estimator_says_how_to_start():
    with pytest.raises(ValueError, match=r"python -m recipe.hapo.main"):
        get_adv_estimator_fn("hapo")(token_level_rewards=torch.zeros(1, T), response_mask=ragged(3), index=["p"])
