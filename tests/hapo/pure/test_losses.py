"""HAPO's loss, variant `paper`: value and gradient in closed form, and against autograd on the paper's formulas."""

import math
from dataclasses import replace

import torch

from recipe.hapo import HAPOConfig, entropy_score, entropy_statistics, token_losses
from tests.no_sync import no_sync
from tests.pure_support import DEVICE, raises, random_batch

CONFIG = HAPOConfig(clip_ratio_low=0.2, clip_ratio_high=0.28, clip_ratio_c=10.0, clip_alpha=0.5, adv_beta=0.8)
PPO = replace(CONFIG, adaptive_clip=False, adaptive_advantage=False)
CLIP = replace(CONFIG, adaptive_advantage=False)
ADVANTAGE = replace(CONFIG, adaptive_clip=False)


def close(a, b):
    return math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-15)


def tensor(values):
    return torch.tensor(values, dtype=torch.float64, device=DEVICE)


def one_token(ratio, advantage, score, config):
    """Loss and gradient of a batch with a single token."""
    log_prob = tensor([[math.log(ratio) - 1]]).requires_grad_()
    loss = token_losses(log_prob, tensor([[-1.0]]), tensor([[advantage]]), tensor([[score]]), config)
    loss.sum().backward()
    return loss.item(), log_prob.grad.item()


# h = 0.5: range 1 - 0.2 .. 1 + 0.28 * 1.25 = 1.35, neutral zone 0.9 .. 1.175, A' / A = 1 + 0.8 * 0.5 = 1.4 outside it.
# h = -0.5: range 1 - 0.2 * 1.25 = 0.75 .. 1.28, neutral zone 0.875 .. 1.14, A' / A = 0.6 inside it.
# {(config, h): {ratio: (f, gradient kept, A' / A)}} for A > 0 and A < 0. Loss = -A' * f, gradient = -A' * f or 0.
TABLE = {
    ("all", 0.5, +1): {
        0.05: (0.05, True, 1.4),
        0.78: (0.78, True, 1.4),
        0.89: (0.89, True, 1.4),
        0.91: (0.91, True, 1.0),
        1.17: (1.17, True, 1.0),
        1.18: (1.18, True, 1.4),
        1.34: (1.34, True, 1.4),
        1.36: (1.35, False, 1.4),
        12.0: (1.35, False, 1.4),
    },
    ("all", 0.5, -1): {
        0.05: (0.8, False, 1.4),
        0.79: (0.8, False, 1.4),
        0.81: (0.81, True, 1.4),
        0.91: (0.91, True, 1.0),
        1.17: (1.17, True, 1.0),
        1.36: (1.36, True, 1.4),
        9.9: (9.9, True, 1.4),
        12.0: (10.0, False, 1.4),
    },
    ("all", -0.5, +1): {
        0.05: (0.05, True, 1.0),
        0.87: (0.87, True, 1.0),
        0.88: (0.88, True, 0.6),
        1.13: (1.13, True, 0.6),
        1.15: (1.15, True, 1.0),
        1.27: (1.27, True, 1.0),
        1.29: (1.28, False, 1.0),
    },
    ("all", -0.5, -1): {
        0.05: (0.75, False, 1.0),
        0.74: (0.75, False, 1.0),
        0.76: (0.76, True, 1.0),
        0.88: (0.88, True, 0.6),
        1.13: (1.13, True, 0.6),
        1.29: (1.29, True, 1.0),
        12.0: (10.0, False, 1.0),
    },
    # the clip range alone: A' = A
    ("clip", 0.5, +1): {0.78: (0.78, True, 1.0), 1.34: (1.34, True, 1.0), 1.36: (1.35, False, 1.0)},
    ("clip", 0.5, -1): {0.79: (0.8, False, 1.0), 0.81: (0.81, True, 1.0), 12.0: (10.0, False, 1.0)},
    ("clip", -0.5, +1): {1.0: (1.0, True, 1.0), 1.27: (1.27, True, 1.0), 1.29: (1.28, False, 1.0)},
    ("clip", -0.5, -1): {0.74: (0.75, False, 1.0), 0.76: (0.76, True, 1.0), 1.0: (1.0, True, 1.0)},
    # the advantage alone: range 0.8 .. 1.28 and neutral zone 0.9 .. 1.14 for every h
    ("advantage", 0.5, +1): {1.13: (1.13, True, 1.0), 1.15: (1.15, True, 1.4), 1.3: (1.28, False, 1.4)},
    ("advantage", 0.5, -1): {0.89: (0.89, True, 1.4), 0.91: (0.91, True, 1.0), 0.79: (0.8, False, 1.4)},
    ("advantage", -0.5, +1): {0.89: (0.89, True, 1.0), 0.91: (0.91, True, 0.6), 1.3: (1.28, False, 1.0)},
    ("advantage", -0.5, -1): {0.78: (0.8, False, 1.0), 0.91: (0.91, True, 0.6), 1.15: (1.15, True, 1.0)},
    # the pivot itself changes nothing
    ("all", 0.0, +1): {1.0: (1.0, True, 1.0), 1.27: (1.27, True, 1.0), 1.29: (1.28, False, 1.0)},
    ("all", 0.0, -1): {1.0: (1.0, True, 1.0), 0.81: (0.81, True, 1.0), 0.79: (0.8, False, 1.0)},
}
CONFIGS = {"all": CONFIG, "clip": CLIP, "advantage": ADVANTAGE}
PPO_TABLE = {
    +1: {0.05: (0.05, True), 0.9: (0.9, True), 1.27: (1.27, True), 1.29: (1.28, False), 12.0: (1.28, False)},
    -1: {0.05: (0.8, False), 0.79: (0.8, False), 0.81: (0.81, True), 1.29: (1.29, True), 12.0: (10.0, False)},
}


def test_every_branch_has_the_value_and_the_gradient_of_the_formula():
    for (name, score, sign), rows in TABLE.items():
        for ratio, (factor, kept, share) in rows.items():
            loss, gradient = one_token(ratio, 0.7 * sign, score, CONFIGS[name])
            expected = -0.7 * sign * share * factor
            where = (name, score, sign, ratio)
            assert close(loss, expected), where
            assert close(gradient, expected if kept else 0.0), where


def test_with_both_parts_off_it_is_ppo_clip_whatever_the_score():
    for score in (-1.0, -0.5, 0.0, 0.5, 1.0):
        for sign, rows in PPO_TABLE.items():
            for ratio, (factor, kept) in rows.items():
                loss, gradient = one_token(ratio, 0.7 * sign, score, PPO)
                assert close(loss, -0.7 * sign * factor), (score, sign, ratio)
                assert close(gradient, -0.7 * sign * factor if kept else 0.0), (score, sign, ratio)


def test_at_full_strength_the_surest_token_inside_the_neutral_zone_is_silent():
    config = HAPOConfig()
    assert one_token(1.0, 1.0, -1.0, config) == (0.0, 0.0)
    assert one_token(1.0, -1.0, -1.0, config) == (0.0, 0.0)
    assert close(one_token(0.61, -1.0, -1.0, config)[1], 0.61)  # eps_low is doubled
    assert close(one_token(1.39, 1.0, 1.0, config)[1], -2.78)  # eps_high and A are doubled


def test_the_borders_of_the_neutral_zone_are_outside_it():
    # Bounds without rounding, and log-ratios whose exponential is the border exactly.
    config = HAPOConfig(clip_ratio_low=0.5, clip_ratio_high=0.5, adaptive_clip=False)
    for ratio, inside in ((0.75, False), (1.25, False), (1.0, True)):
        log_ratio = next(x for x in (math.log(ratio), *_neighbours(math.log(ratio))) if tensor(x).exp().item() == ratio)
        old, log_prob = tensor([[0.0]]), tensor([[log_ratio]])
        for score, share in ((0.5, 1.0 if inside else 1.5), (-0.5, 0.5 if inside else 1.0)):
            loss = token_losses(log_prob, old, tensor([[1.0]]), tensor([[score]]), config)
            assert loss.item() == -ratio * share, (ratio, score)


def _neighbours(x):
    return (math.nextafter(x, math.inf), math.nextafter(x, -math.inf))


def formula(log_prob, old_log_prob, advantage, score, config):
    """Loss of each token, with autograd, as the paper writes it."""
    ratio = (log_prob - old_log_prob).clamp(-20, 20).exp()
    low, high = torch.full_like(score, config.clip_ratio_low), torch.full_like(score, config.clip_ratio_high)
    if config.adaptive_clip:
        high = torch.where(score > 0, high * (1 + config.clip_alpha * score), high)
        low = torch.where(score <= 0, low * (1 - config.clip_alpha * score), low)
    if config.adaptive_advantage:
        neutral = (1 - low / 2 < ratio) & (ratio < 1 + high / 2)
        scaled = advantage * (1 + config.adv_beta * score)
        advantage = torch.where((score > 0) & ~neutral, scaled, torch.where((score <= 0) & neutral, scaled, advantage))
    clipped = torch.minimum(torch.maximum(ratio, 1 - low), 1 + high)
    loss = torch.maximum(-advantage * ratio, -advantage * clipped)
    return torch.where(advantage < 0, torch.minimum(loss, -advantage * config.clip_ratio_c), loss)


def scored_batch(config, **kwargs):
    batch = random_batch(**kwargs)
    batch["statistics"] = entropy_statistics(batch["entropy"], batch["response_mask"], config)
    batch["score"] = entropy_score(batch["entropy"], batch["statistics"])
    return batch


def test_random_batches_equal_autograd_on_the_formula():
    for config in (CONFIG, PPO, CLIP, ADVANTAGE, HAPOConfig(), HAPOConfig(variant="released")):
        batch = scored_batch(config, rows=16, seed=3)
        batch["log_prob"][0, :4] += 3  # dual clip
        mine, theirs = (batch["log_prob"].clone().requires_grad_() for _ in range(2))
        rest = (batch["old_log_prob"], batch["advantages"], batch["score"], config)
        losses, expected = token_losses(mine, *rest), formula(theirs, *rest)
        losses.sum().backward()
        expected.sum().backward()
        assert torch.allclose(losses, expected, rtol=1e-12, atol=1e-14), config
        assert torch.allclose(mine.grad, theirs.grad, rtol=1e-12, atol=1e-14), config


def test_a_ratio_beyond_the_clamp_has_no_gradient():
    for log_prob, advantage in ((-31.0, 1.0), (29.0, -1.0)):
        log_prob = tensor([[log_prob]]).requires_grad_()
        loss = token_losses(log_prob, tensor([[-1.0]]), tensor([[advantage]]), tensor([[0.5]]), HAPOConfig(clip_ratio_c=1e12))
        loss.sum().backward()
        assert loss.item() != 0
        assert log_prob.grad.item() == 0


def test_a_ratio_beyond_the_clamp_has_the_value_at_the_clamp_as_verls():
    config = HAPOConfig(clip_ratio_c=1e12, adaptive_clip=False, adaptive_advantage=False)
    for log_ratio, expected in ((30.0, 20.0), (19.0, 19.0), (15.0, 15.0)):
        log_prob = tensor([[log_ratio - 40]]).requires_grad_()
        loss = token_losses(log_prob, tensor([[-40.0]]), tensor([[-0.7]]), tensor([[0.0]]), config)
        loss.sum().backward()
        assert math.isclose(loss.item(), 0.7 * math.exp(expected), rel_tol=1e-9), log_ratio
        assert (log_prob.grad.item() != 0) == (log_ratio < 20), log_ratio


def test_a_nan_reaches_loss_and_gradient():
    nan, fine = tensor([[float("nan"), -1.0]]), tensor([[-1.0, -1.0]])
    half = tensor([[0.5, 0.5]])
    for sign in (1.0, -1.0):
        for log_prob, advantages, score in ((nan, half, half), (fine, nan, half), (fine, half, nan)):
            log_prob = log_prob.clone().requires_grad_()
            loss = token_losses(log_prob, fine, sign * advantages, score, HAPOConfig())
            loss.sum().backward()
            assert loss[0, 0].isnan()
            assert log_prob.grad[0, 0].isnan()
            assert loss[0, 1].isfinite()


def test_dtypes():
    exact = scored_batch(CONFIG)
    rest = ("old_log_prob", "advantages", "score")
    reference = token_losses(exact["log_prob"], *(exact[name] for name in rest), CONFIG)
    assert reference.dtype == torch.float64
    for dtype, tolerance in ((torch.float32, 1e-5), (torch.bfloat16, 0.2)):
        log_prob = exact["log_prob"].to(dtype).requires_grad_()
        losses = token_losses(log_prob, *(exact[name].to(dtype) for name in rest), CONFIG)
        losses.sum().backward()
        assert losses.dtype == torch.float32
        assert log_prob.grad.dtype == dtype
        ratio = (exact["log_prob"] - exact["old_log_prob"]).exp()
        inside = exact["response_mask"] & ((ratio - 1).abs() < 0.06)  # where rounding cannot cross a border
        assert (losses - reference)[inside].abs().max() < tolerance


def test_micro_batches_row_order_and_padding_do_not_change_loss_or_gradient():
    config = HAPOConfig()
    batch = random_batch(rows=12)
    statistics = entropy_statistics(batch["entropy"], batch["response_mask"], config)
    width = batch["entropy"].shape[1]

    def run(rows, pad=0):
        names = ("log_prob", "old_log_prob", "advantages", "entropy", "response_mask")
        part = {name: torch.nn.functional.pad(batch[name][rows], (0, pad)) for name in names}
        log_prob = part["log_prob"].requires_grad_()
        score = entropy_score(part["entropy"], statistics)
        losses = token_losses(log_prob, part["old_log_prob"], part["advantages"], score, config)
        (losses * part["response_mask"]).sum().backward()
        return losses[:, :width].detach(), log_prob.grad[:, :width]

    everything = torch.arange(12, device=DEVICE)
    whole = run(everything)
    exactly = {"rtol": 1e-13, "atol": 1e-13}  # the logarithm may round differently in another place of a vector
    for size in (1, 2, 5):
        pieces = [run(rows) for rows in everything.split(size)]
        for expected, found in zip(whole, (torch.cat(x) for x in zip(*pieces, strict=True)), strict=True):
            torch.testing.assert_close(found, expected, **exactly)
    shuffled = torch.randperm(12, generator=torch.Generator().manual_seed(0)).to(DEVICE)
    for expected, found in zip(whole, run(shuffled), strict=True):
        torch.testing.assert_close(found, expected[shuffled], **exactly)
    for expected, found in zip(whole, run(everything, pad=37), strict=True):
        torch.testing.assert_close(found, expected, **exactly)


def test_score_and_loss_do_not_synchronise():
    for config in (HAPOConfig(), HAPOConfig(variant="released"), PPO):
        batch = scored_batch(config, rows=16, width=512, dtype=torch.float32)
        log_prob = batch["log_prob"].clone().requires_grad_()
        with no_sync():
            score = entropy_score(batch["entropy"], batch["statistics"])
            token_losses(log_prob, batch["old_log_prob"], batch["advantages"], score, config).sum().backward()
        assert log_prob.grad.any()


def test_shapes_that_do_not_fit_are_named():
    a, b = torch.ones(3, 4, device=DEVICE), torch.ones(3, 5, device=DEVICE)
    with raises(ValueError, "[3, 4]", "[3, 5]"):
        token_losses(a, a, a, b, CONFIG)
    with raises(ValueError, "[3, 4]", "[3, 1]"):
        token_losses(a, a, a[:, :1], a, CONFIG)


def test_settings_out_of_range_say_what_is_allowed():
    for wrong, words in (
        ({"entropy_pivot": 1.5}, ("hapo.entropy_pivot is 1.5", "between 0 and 1")),
        ({"entropy_pivot": "high"}, ("hapo.entropy_pivot", "number")),
        ({"clip_alpha": -1.0}, ("hapo.clip_alpha is -1.0", "at least 0")),
        ({"clip_alpha": float("nan")}, ("hapo.clip_alpha", "finite")),
        ({"clip_alpha": True}, ("hapo.clip_alpha is True", "number")),
        ({"adv_beta": 1.1}, ("hapo.adv_beta", "between 0 and 1")),
        ({"variant": "final"}, ("hapo.variant is 'final'", "paper, released")),
        ({"clip_ratio_low": -0.1}, ("actor.clip_ratio_low", "between 0 and 1")),
        ({"clip_ratio_high": float("inf")}, ("actor.clip_ratio_high", "finite")),
        ({"clip_ratio_c": 1.0}, ("actor.clip_ratio_c", "greater than 1")),
        *(
            ({name: "false"}, (f"hapo.{name} is 'false'", "true or false"))
            for name in (
                "adaptive_clip",
                "adaptive_advantage",
                "token_level_advantage",
                "norm_adv_by_std",
            )
        ),
    ):
        with raises(ValueError, *words):
            HAPOConfig(**wrong)
