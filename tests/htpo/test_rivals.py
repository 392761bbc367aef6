"""`rival=NAME`: each composes, is accepted and trains; verl's losses are verl's; the others are decided once for a batch."""

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from verl.trainer.config import AlgoConfig
from verl.trainer.ppo.core_algos import compute_policy_loss_cispo, get_adv_estimator_fn, get_policy_loss_fn
from verl.utils.config import omega_conf_to_dataclass

from recipe.htpo import HTPOConfig
from recipe.htpo.difficulty import label_rows
from recipe.htpo.method import HTPO
from recipe.rivals.edge_grpo import edge_advantages
from recipe.rivals.gtpo import gtpo_advantages
from recipe.runs.config_checks import check_run
from recipe.runs.value_checks import check_values
from recipe.token_level.loss import SUMS, TokenFieldsLoss
from recipe.token_level.method import require_known_names
from tests import ROOT
from tests.htpo.test_estimator import T, inputs_for, rows
from tests.htpo.test_policy_loss import call
from tests.pure_support import random_batch
from tests.runs.config.given import GIVEN
from tests.token_level.conftest import case  # noqa: F401

RIVALS = sorted(path.stem for path in (ROOT / "recipe/htpo/config/rival").glob("*.yaml"))
VERLS = ("clip_cov", "kl_cov", "gspo", "sapo", "geo_mean", "dppo_tv", "dppo_kl", "gpg", "dro", "cispo")


def composed(compose, name):
    config = compose(*GIVEN, "+platform=cpu", f"rival={name}")
    OmegaConf.resolve(config)
    return config


@pytest.mark.parametrize("name", RIVALS)
def test_each_is_accepted_and_its_loss_has_a_gradient(compose, case, name):  # noqa: F811
    config = composed(compose, name)
    check_values(config, "htpo")
    settings = check_run(config, HTPO)
    require_known_names(config)
    actor = omega_conf_to_dataclass(config.actor_rollout_ref.actor)
    _, _, output, data = case
    log_probs = output["log_probs"]
    leaf = torch.nested.nested_tensor_from_jagged(log_probs.values().clone().requires_grad_(), log_probs.offsets())
    torch.manual_seed(0)
    loss, metrics = TokenFieldsLoss(actor, HTPO.plugin, HTPO.token_fields, settings)(output | {"log_probs": leaf}, data)
    (gradient,) = torch.autograd.grad(loss, leaf)
    assert gradient.values().isfinite().all()
    assert gradient.values().ne(0).any()
    assert "actor/pg_loss" in metrics
    assert any(key.startswith(SUMS) for key in metrics) == (name not in VERLS)


@pytest.mark.parametrize("name", VERLS)
def test_verls_losses_are_called_as_they_are(compose, case, name):  # noqa: F811
    config = composed(compose, name)
    assert config.actor_rollout_ref.actor.policy_loss.loss_mode == name
    actor = omega_conf_to_dataclass(config.actor_rollout_ref.actor)
    batch, _, output, data = case
    torch.manual_seed(0)
    loss, _ = TokenFieldsLoss(actor, HTPO.plugin, HTPO.token_fields, check_run(config, HTPO))(output, data)
    given = (batch["old_log_prob"], batch["log_prob"], batch["advantages"], batch["response_mask"], actor.loss_agg_mode)
    torch.manual_seed(0)
    expected, _ = get_policy_loss_fn(name)(*given, actor, batch["rollout_is_weights"])
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_every_loss_of_verl_is_a_rival():
    from verl.trainer.ppo.core_algos import POLICY_LOSS_REGISTRY

    ours = {name for name, function in POLICY_LOSS_REGISTRY.items() if not function.__module__.startswith("verl.")}
    assert set(POLICY_LOSS_REGISTRY) - ours == {*VERLS, "vanilla", "bypass_mode"}  # the DAPO table is the first


def test_the_cispo_table_has_the_gradient_of_verls_cispo(actor_config):
    batch, config = random_batch(rows=16, seed=5), actor_config()
    _, gradient, _, _ = call(batch, config, objectives="cispo")
    log_prob = batch["log_prob"].clone().requires_grad_()
    given = (batch["old_log_prob"], log_prob, batch["advantages"], batch["response_mask"])
    compute_policy_loss_cispo(*given, config.loss_agg_mode, config)[0].backward()
    torch.testing.assert_close(gradient, log_prob.grad, rtol=1e-12, atol=1e-16)


def test_archer_is_ppos_clip_with_two_ranges(actor_config):
    from recipe.htpo import partition_tokens

    batch, config = random_batch(rows=16, seed=5), actor_config()
    loss, _, metrics, _ = call(batch, config, objectives="archer")
    groups = partition_tokens(batch["entropy"], batch["response_mask"], batch["hard"], batch["correct"], HTPOConfig())
    wide = torch.where(groups % 2 == 0, 0.5, 0.2 * torch.ones(16, 64, dtype=torch.float64))
    ratio, advantages, mask = (batch["log_prob"] - batch["old_log_prob"]).exp(), batch["advantages"], batch["response_mask"]
    clipped = torch.maximum(-advantages * ratio, -advantages * torch.minimum(torch.maximum(ratio, 1 - wide), 1 + wide))
    expected = torch.where(advantages < 0, torch.minimum(clipped, -10 * advantages), clipped)[mask].mean()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-12)
    dropped = torch.where(advantages > 0, ratio > 1 + wide, ratio < 1 - wide)[mask].double().mean()
    assert metrics["actor/pg_clipfrac"] == pytest.approx(dropped.item(), abs=1e-6)


def estimated(settings, order=None, acc=None):
    keys, verdicts, mask, rewards, index = rows()
    order = torch.arange(len(keys)) if order is None else order
    inputs = inputs_for(keys, verdicts, settings)
    inputs.keys, inputs.entropy, inputs.acc = [keys[i] for i in order], inputs.entropy[order], inputs.acc[order]
    with handing(inputs):
        advantages, _ = get_adv_estimator_fn("htpo")(
            token_level_rewards=rewards[order], response_mask=mask[order], index=index[order], config=AlgoConfig()
        )
    return advantages, inputs


def handing(inputs):
    from recipe.token_level.context import handing_estimator

    return handing_estimator(inputs)


@pytest.mark.parametrize("by", ["response", "batch", "random"])
def test_the_estimator_decides_in_any_order_of_rows(by):
    settings, order = HTPOConfig(high_entropy_by=by), torch.randperm(12, generator=torch.Generator().manual_seed(3))
    _, inputs = estimated(settings)
    _, other = estimated(settings, order)
    groups = inputs.token_fields["token_groups"]
    assert torch.equal(other.token_fields["token_groups"], groups[order])
    if by != "response":
        assert not torch.equal(groups, estimated(HTPOConfig())[1].token_fields["token_groups"])
    # What is logged of the groups are the entropies, not the random numbers.
    name = "htpo/hard_wrong_high/entropy"
    assert inputs.metrics[name] == pytest.approx(inputs.entropy[groups.abs() == 4].mean().item())


@pytest.mark.parametrize("name", ["gtpo", "edge_grpo"])
def test_the_estimator_gives_a_rivals_advantages(name):
    keys, acc, mask, rewards, _ = rows()
    advantages, inputs = estimated(HTPOConfig(advantage=name))
    grpo, _ = estimated(HTPOConfig())
    prompts, mask = [key.split("_")[0] for key in keys], mask.bool()
    correct = torch.from_numpy(label_rows(keys, np.array(acc, dtype=float), np.zeros(12, bool), 0.6).correct)
    if name == "gtpo":
        expected = gtpo_advantages(rewards.sum(1), correct, inputs.entropy, mask, prompts)
    else:
        expected = edge_advantages(grpo[:, 0], inputs.entropy, mask, prompts).unsqueeze(1).expand(12, T).where(mask, 0)
    torch.testing.assert_close(advantages.double(), expected, rtol=1e-5, atol=1e-6)
    assert not torch.allclose(advantages, grpo)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(estimated(HTPOConfig(advantage=name), order)[0], advantages[order], rtol=1e-5, atol=1e-6)
