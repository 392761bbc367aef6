"""The variant `paper`: value and gradient in closed form, and against autograd on the figure's formulas."""

import math

import torch

from recipe.htpo import GROUPS, PRESETS, HTPOConfig, Objective, partition_tokens, token_losses
from recipe.htpo.losses import clip_bounds
from recipe.htpo.partition import row_labels
from tests.no_sync import no_sync
from tests.pure_support import DEVICE, raises, random_batch

LOW, HIGH, DUAL, CAP = 0.8, 1.28, 10.0, 10.0

# The ratio's place -> (the weight f, gradient kept), for PPO-clip with dual clip. Loss = -A * f, gradient = -A * f or 0.
PPO = {
    +1: {1.1: (1.1, True), 1.5: (HIGH, False), 12.0: (HIGH, False), 0.5: (0.5, True), 0.05: (0.05, True)},
    -1: {1.1: (1.1, True), 1.5: (1.5, True), 12.0: (DUAL, False), 0.5: (LOW, False), 0.05: (LOW, False)},
}
ENCOURAGE = {
    +1: {1.1: (1.1, True), 1.5: (HIGH, True), 12.0: (HIGH, True), 0.5: (2.0, True), 0.05: (CAP, True)},
    -1: PPO[-1],
}
PENALIZE = {
    +1: PPO[+1],
    -1: PPO[-1] | {0.5: (LOW, True), 0.05: (LOW, True)},
}
CISPO = {
    sign: {1.1: (1.1, True), 1.5: (HIGH, True), 12.0: (HIGH, True), 0.5: (LOW, True), 0.05: (LOW, True)} for sign in (1, -1)
}
TABLE = {
    "hard_correct_low": PPO,
    "hard_correct_high": ENCOURAGE,
    "hard_wrong_low": PPO,
    "hard_wrong_high": PENALIZE,
    "easy_correct_low": PPO,
    "easy_correct_high": PPO,
    "easy_wrong_low": PPO,
    "easy_wrong_high": PENALIZE,
}


def one_token(ratio, advantage, group, config, dtype=torch.float64):
    """Loss and gradient of a batch with a single token."""
    log_prob = torch.full((1, 1), math.log(ratio) - 1, dtype=dtype, device=DEVICE, requires_grad=True)
    old = torch.full((1, 1), -1.0, dtype=dtype, device=DEVICE)
    groups = torch.full((1, 1), group, dtype=torch.int8, device=DEVICE)
    loss = token_losses(log_prob, old, torch.full_like(old, advantage), groups, config)
    loss.sum().backward()
    return loss.item(), log_prob.grad.item()


def check(table_of, config, weight_of=lambda name: 1.0):
    for group, name in enumerate(GROUPS, start=1):
        for sign in (1, -1):
            for ratio, (factor, kept) in table_of(name)[sign].items():
                advantage = 0.7 * sign
                loss, gradient = one_token(ratio, advantage, group, config)
                expected = -advantage * factor * weight_of(name)
                where = (name, sign, ratio)
                assert math.isclose(loss, expected, rel_tol=1e-12, abs_tol=1e-15), where
                assert math.isclose(gradient, expected if kept else 0.0, rel_tol=1e-12, abs_tol=1e-15), where


def test_each_group_inside_above_and_below_for_both_signs():
    check(TABLE.__getitem__, HTPOConfig())


def test_presets_in_closed_form():
    check(lambda name: PPO, HTPOConfig(objectives="dapo"))
    check(lambda name: CISPO, HTPOConfig(objectives="cispo"))
    forking = HTPOConfig(objectives="forking_tokens")
    check(lambda name: PPO, forking, weight_of=lambda name: 1.0 if name.endswith("_high") else 0.0)


def test_one_cell_can_be_replaced():
    config = HTPOConfig(objectives={"hard_correct_high": {"loss": "ppo_clip", "weight": 0.5}})
    table = TABLE | {"hard_correct_high": PPO}
    check(table.__getitem__, config, weight_of=lambda name: 0.5 if name == "hard_correct_high" else 1.0)


def test_the_reversed_ratio_is_capped_where_the_setting_says():
    loss, gradient = one_token(0.05, 1.0, 2, HTPOConfig(max_reverse_ratio=3.0))
    assert math.isclose(loss, -3.0)
    assert math.isclose(gradient, -3.0)
    loss, _ = one_token(0.05, 1.0, 2, HTPOConfig(variant="released"))
    assert math.isclose(loss, +20.0, rel_tol=1e-9)  # no cap, and the released sign


def test_detached_and_padding_tokens_have_neither_loss_nor_gradient():
    for group in (0, *range(-8, 0)):
        for objectives in PRESETS:
            assert one_token(1.5, 1.0, group, HTPOConfig(objectives=objectives)) == (0.0, 0.0)


def figure_objective(log_prob, old_log_prob, advantage, name, config):
    """J of one token, written with autograd as the paper's figure has it."""
    low, high = config.clip_bounds(config.objectives[name])
    log_ratio = (log_prob - old_log_prob).clamp(-20, 20)
    ratio = log_ratio.exp()
    stopped = torch.exp(log_prob - log_prob.detach())  # pi / sg[pi]
    loss = config.objectives[name].loss
    value = torch.minimum(ratio * advantage, ratio.clamp(low, high) * advantage)
    if loss == "encourage" and advantage > 0:
        if ratio > high:
            value = high * stopped * advantage
        elif ratio < low:
            value = min((-log_ratio).exp().item(), config.max_reverse_ratio) * stopped * advantage
    if loss == "penalize" and advantage < 0 and ratio < low:
        value = low * stopped * advantage
    if loss == "cispo":
        value = ratio.detach().clamp(low, high) * stopped * advantage
    if advantage < 0:
        value = torch.maximum(value, advantage * config.clip_ratio_c)
    return value * config.objectives[name].weight


def test_a_groups_own_clip_range():
    assert HTPOConfig().clip_bounds(Objective()) == (0.8, 1.28)
    assert HTPOConfig(clip_ratio_low=0.1).clip_bounds(Objective(clip_high=0.5)) == (0.9, 1.5)
    archer = HTPOConfig(objectives="archer")
    low, high = clip_bounds(torch.tensor([[1, 2, 0, -8]], dtype=torch.int8, device=DEVICE), archer, torch.float64)
    assert low.tolist() == [[0.8, 0.5, 0.8, 0.5]]
    assert high.tolist() == [[1.2, 1.5, 1.28, 1.5]]
    assert clip_bounds(torch.tensor([[1]], dtype=torch.int8), HTPOConfig(), torch.float32) == (0.8, 1.28)  # no look-up


def test_random_batches_equal_autograd_on_the_figure():
    for objectives in PRESETS:
        config = HTPOConfig(objectives=objectives)
        batch = random_batch(rows=8, width=12, seed=3)
        groups = partition_tokens(batch["entropy"], batch["response_mask"], batch["hard"], batch["correct"], config)
        mine, figure = (batch["log_prob"].clone().requires_grad_() for _ in range(2))
        losses = token_losses(mine, batch["old_log_prob"], batch["advantages"], groups, config)
        expected = torch.zeros_like(losses)
        for row, token in (groups > 0).nonzero().tolist():
            at = (row, token)
            name = GROUPS[groups[at] - 1]
            expected[at] = -figure_objective(figure[at], batch["old_log_prob"][at], batch["advantages"][at], name, config)
        losses.sum().backward()
        expected.sum().backward()
        assert torch.allclose(losses, expected, rtol=1e-12, atol=1e-14), objectives
        assert torch.allclose(mine.grad, figure.grad, rtol=1e-12, atol=1e-14), objectives


def test_a_ratio_beyond_the_clamp_has_no_gradient_unless_the_objective_keeps_it():
    for sign, group, kept in ((1, 1, False), (1, 2, True), (-1, 4, True)):
        log_prob = torch.tensor([[-31.0]], dtype=torch.float64, device=DEVICE, requires_grad=True)
        old = torch.tensor([[-1.0]], dtype=torch.float64, device=DEVICE)
        groups = torch.tensor([[group]], dtype=torch.int8, device=DEVICE)
        token_losses(log_prob, old, torch.full_like(old, sign), groups, HTPOConfig()).sum().backward()
        assert (log_prob.grad.item() != 0) == kept


def test_a_ratio_beyond_the_clamp_has_the_value_at_the_clamp_as_verls():
    for log_ratio, expected in ((30.0, 20.0), (19.0, 19.0), (15.0, 15.0)):
        config = HTPOConfig(clip_ratio_c=1e12)
        loss, gradient = one_token(math.exp(log_ratio), -0.7, 3, config)
        assert math.isclose(loss, 0.7 * math.exp(expected), rel_tol=1e-9), log_ratio
        assert (gradient != 0) == (log_ratio < 20), log_ratio
    # released: the reversed ratio of a token that vanished, and its gradient, which the added term keeps
    for group, ratio in ((2, math.exp(20)), (4, 0.8)):
        loss, gradient = one_token(math.exp(-30.0), -0.7, group, HTPOConfig(variant="released"))
        assert math.isclose(loss, -0.7 * ratio, rel_tol=1e-9), group
        assert math.isclose(gradient, loss, rel_tol=1e-9), group


def test_the_released_dual_clip_is_for_negative_advantages():
    for advantage in (0.7, -0.7):
        config = HTPOConfig(variant="released", clip_ratio_c=1.1)
        loss, gradient = one_token(1.2, advantage, 2, config)
        assert math.isclose(loss, -advantage * (1.2 if advantage > 0 else 1.1), rel_tol=1e-9)
        assert (gradient != 0) == (advantage > 0)


def test_a_nan_reaches_loss_and_gradient():
    log_prob = torch.tensor([[float("nan"), -1.0]], device=DEVICE, requires_grad=True)
    groups = torch.ones(1, 2, dtype=torch.int8, device=DEVICE)
    loss = token_losses(
        log_prob, torch.full((1, 2), -1.0, device=DEVICE), torch.ones(1, 2, device=DEVICE), groups, HTPOConfig()
    )
    loss.sum().backward()
    assert loss[0, 0].isnan()
    assert log_prob.grad[0, 0].isnan()
    assert loss[0, 1].isfinite()


def test_dtypes():
    exact = random_batch()
    groups = partition_tokens(exact["entropy"], exact["response_mask"], exact["hard"], exact["correct"], HTPOConfig())
    reference = token_losses(exact["log_prob"], exact["old_log_prob"], exact["advantages"], groups, HTPOConfig())
    for wide in ("log_prob", "old_log_prob", "advantages"):  # one float64 input is enough
        mixed = {name: exact[name].to(torch.float64 if name == wide else torch.float32) for name in exact if name != wide}
        mixed[wide] = exact[wide]
        losses = token_losses(mixed["log_prob"], mixed["old_log_prob"], mixed["advantages"], groups, HTPOConfig())
        assert losses.dtype == torch.float64, wide
    for dtype, out, tolerance in ((torch.float32, torch.float32, 1e-5), (torch.bfloat16, torch.float32, 0.2)):
        log_prob = exact["log_prob"].to(dtype).requires_grad_()
        losses = token_losses(log_prob, exact["old_log_prob"].to(dtype), exact["advantages"].to(dtype), groups, HTPOConfig())
        losses.sum().backward()
        assert losses.dtype == out
        assert log_prob.grad.dtype == dtype
        inside = ((exact["log_prob"] - exact["old_log_prob"]).exp() - 1).abs() < 0.1  # where rounding cannot cross a border
        assert (losses - reference)[inside].abs().max() < tolerance


def test_micro_batches_row_order_and_padding_do_not_change_loss_or_gradient():
    batch = random_batch(rows=12)
    config = HTPOConfig()

    def run(rows, pad=0):
        part = {name: value[rows] for name, value in batch.items()}
        for name in ("entropy", "log_prob", "old_log_prob", "advantages", "response_mask"):
            part[name] = torch.nn.functional.pad(part[name], (0, pad))
        groups = partition_tokens(part["entropy"], part["response_mask"], part["hard"], part["correct"], config)
        log_prob = part["log_prob"].requires_grad_()
        losses = token_losses(log_prob, part["old_log_prob"], part["advantages"], groups, config)
        (losses * part["response_mask"]).sum().backward()
        width = batch["entropy"].shape[1]
        return groups[:, :width], losses[:, :width].detach(), log_prob.grad[:, :width]

    everything = torch.arange(12, device=DEVICE)
    whole = run(everything)
    for size in (1, 2, 5):
        pieces = [run(rows) for rows in everything.split(size)]
        for expected, found in zip(whole, (torch.cat(x) for x in zip(*pieces, strict=True)), strict=True):
            assert torch.equal(expected, found), size
    shuffled = torch.randperm(12).to(DEVICE)
    for expected, found in zip(whole, run(shuffled), strict=True):
        assert torch.equal(expected[shuffled], found)
    for expected, found in zip(whole, run(everything, pad=37), strict=True):
        assert torch.equal(expected, found)


def test_the_training_path_does_not_synchronise():
    batch = random_batch(rows=16, width=512, dtype=torch.float32)
    inputs = (batch["entropy"], batch["response_mask"], batch["hard"], batch["correct"])
    for config in (HTPOConfig(variant="released"), *(HTPOConfig(objectives=name) for name in PRESETS)):
        log_prob = batch["log_prob"].clone().requires_grad_()
        with no_sync():
            groups = partition_tokens(*inputs, config)
            labels = row_labels(groups)
            token_losses(log_prob, batch["old_log_prob"], batch["advantages"], groups, config).sum().backward()
        assert torch.equal(groups, partition_tokens(*inputs, config))  # the CPU's own branch sorts otherwise
        for found, given in zip(labels, inputs[2:], strict=True):
            assert torch.equal(found, given)
        assert log_prob.grad.any()


def test_settings_out_of_range_say_what_is_allowed():
    for wrong, words in (
        ({"high_entropy_fraction": 1.5}, ("htpo.high_entropy_fraction is 1.5", "between 0 and 1")),
        ({"difficulty_threshold": "high"}, ("htpo.difficulty_threshold", "number")),
        ({"detach_lowest_fraction": -0.1}, ("htpo.detach_lowest_fraction is -0.1", "between 0 and 1")),
        ({"detach_highest_fraction": 2}, ("htpo.detach_highest_fraction is 2", "between 0 and 1")),
        ({"variant": "final"}, ("htpo.variant is 'final'", "paper, released")),
        ({"entropy_source": "new"}, ("htpo.entropy_source", "old_policy, current_policy")),
        ({"max_reverse_ratio": 0.5}, ("htpo.max_reverse_ratio", "greater than 1")),
        ({"clip_ratio_c": 1.0}, ("clip_ratio_c", "greater than 1")),
        ({"clip_ratio_high": float("nan")}, ("clip_ratio_high", "finite")),
        ({"objectives": "grpo"}, ("htpo.objectives is 'grpo'", "forking_tokens")),
        ({"objectives": {"hard_right_low": {}}}, ("no group 'hard_right_low'", "hard_correct_low")),
        ({"objectives": {"hard_wrong_low": {"loss": "clip"}}}, ("htpo.objectives.hard_wrong_low", "ppo_clip")),
        ({"objectives": {"hard_wrong_low": {"lr": 1}}}, ("htpo.objectives.hard_wrong_low", "weight")),
        ({"objectives": {"hard_wrong_low": {"weight": -1}}}, ("weight is -1", "at least 0")),
        ({"objectives": {"hard_wrong_low": {"weight": True}}}, ("weight is True", "number")),
        ({"objectives": {"hard_wrong_low": {"weight": "1"}}}, ("weight is '1'", "number")),
        ({"objectives": {"hard_wrong_low": {"weight": float("inf")}}}, ("weight is inf", "finite")),
        ({"objectives": {"hard_wrong_low": {"detach": "all"}}}, ("detach is 'all'", "none, lowest, highest")),
    ):
        with raises(ValueError, *words):
            HTPOConfig(**wrong)
    assert HTPOConfig().objectives["hard_correct_low"] == Objective(detach="lowest")


def test_the_defaults_are_the_papers():
    config = HTPOConfig()
    assert (config.difficulty_threshold, config.high_entropy_fraction) == (0.6, 0.2)
    assert (config.detach_lowest_fraction, config.detach_highest_fraction) == (0.006, 0.02)
    assert (config.clip_ratio_low, config.clip_ratio_high, config.clip_ratio_c) == (0.2, 0.28, 10.0)
    assert (config.variant, config.entropy_source, config.max_reverse_ratio) == ("paper", "old_policy", 10.0)


def test_a_table_is_its_configs_own():
    for objectives in ("dapo", {}):
        before = dict(HTPOConfig(objectives=objectives).objectives)
        HTPOConfig(objectives=objectives).objectives["hard_wrong_low"] = Objective(weight=0.0)
        assert HTPOConfig(objectives=objectives).objectives == before
    assert HTPOConfig(objectives={"hard_wrong_low": Objective(weight=0.0)}) != HTPOConfig()
