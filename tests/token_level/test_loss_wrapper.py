"""The way of the token fields through verl's worker: nested batch, padding, `ppo_loss`, registered loss, metrics."""

import pickle

import pytest
import torch
from verl.trainer.ppo.core_algos import agg_loss, kl_penalty

from recipe.htpo import HTPOConfig, token_losses
from recipe.htpo.method import HTPO
from recipe.htpo.metrics import loss_ratios
from recipe.token_level.context import loss_inputs
from recipe.token_level.loss import SUMS, TokenFieldsLoss, of_responses
from tests.no_sync import no_sync
from tests.token_level.conftest import WIDTH, nested

HTPO_LOSS = ("recipe.htpo.plugin", ("token_groups",), HTPOConfig())


@pytest.mark.parametrize("source", ["old_policy", "current_policy"])
def test_the_loss_gets_every_token_its_own_group(case, actor_config, source):
    batch, groups, output, data = case
    config = actor_config()
    object.__setattr__(config, "use_kl_loss", True)
    settings = HTPOConfig(entropy_source=source)
    wrapper = pickle.loads(pickle.dumps(TokenFieldsLoss(config, *HTPO_LOSS[:2], settings, HTPO.reads_entropy(settings))))
    loss, metrics = wrapper(output, data)

    losses = token_losses(batch["log_prob"], batch["old_log_prob"], batch["advantages"], groups, HTPOConfig())
    mask = batch["response_mask"]
    expected = agg_loss(losses * batch["rollout_is_weights"], mask, "token-mean")
    kl = agg_loss(kl_penalty(batch["log_prob"], batch["ref_log_prob"], config.kl_loss_type), mask, "token-mean")
    assert metrics["actor/pg_loss"].aggregate() == pytest.approx(expected.item(), rel=1e-5)
    assert loss.item() == pytest.approx((expected + config.kl_loss_coef * kl).item(), rel=1e-5)

    ratios = loss_ratios({name.removeprefix(SUMS): m.aggregate() for name, m in metrics.items() if name.startswith(SUMS)})
    member = groups.abs() == 2
    weighted = (losses * batch["rollout_is_weights"])[member]
    assert ratios["htpo/hard_correct_high/loss"] == pytest.approx(weighted.mean().item(), rel=1e-5)


def test_a_permutation_of_the_groups_would_be_noticed(case, actor_config):
    _, _, output, data = case
    wrapper = TokenFieldsLoss(actor_config(), *HTPO_LOSS)
    right = wrapper(output, data)[0].item()
    data["token_groups"] = nested(row.flip(0) for row in data["token_groups"].unbind())
    assert wrapper(output, data)[0].item() != pytest.approx(right, rel=1e-3)


def test_a_mini_batch_whose_tokens_are_all_masked_has_a_loss_of_0(case, actor_config):
    from verl.utils import tensordict_utils as tu

    _, _, output, data = case
    for name in ("response_mask", "token_groups"):
        data[name] = nested(torch.zeros_like(row) for row in data[name].unbind())
    tu.assign_non_tensor(data, batch_num_tokens=0)
    assert TokenFieldsLoss(actor_config(), *HTPO_LOSS)(output, data)[0].item() == 0


def test_a_batch_without_groups_is_an_error(case, actor_config):
    _, _, output, data = case
    del data["token_groups"]
    with pytest.raises(ValueError, match="without token_groups"):
        TokenFieldsLoss(actor_config(), *HTPO_LOSS)(output, data)


def test_verls_own_losses_run_under_the_wrapper(case, actor_config):
    from verl.trainer.ppo.core_algos import compute_policy_loss_vanilla
    from verl.workers.config import PolicyLossConfig

    batch, _, output, data = case
    del data["token_groups"]
    config = actor_config()
    object.__setattr__(config, "policy_loss", PolicyLossConfig(loss_mode="vanilla"))
    loss, metrics = TokenFieldsLoss(config, *HTPO_LOSS)(output, data)
    rows = (batch["old_log_prob"], batch["log_prob"], batch["advantages"], batch["response_mask"])
    expected, _ = compute_policy_loss_vanilla(*rows, "token-mean", actor_config(), batch["rollout_is_weights"])
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert not any(name.startswith(SUMS) for name in metrics)


def test_responses_are_cut_out_as_verl_does_it_without_waiting(case):
    from verl.workers.utils.padding import no_padding_2_padding

    batch, _, output, data = case
    expected = no_padding_2_padding(output["entropy"], data)
    with no_sync():
        found = of_responses(output["entropy"], data["prompts"], data["responses"], WIDTH)
    assert torch.equal(found, expected)
    assert torch.equal(found[:, 0], batch["entropy"][:, 0])


def test_an_empty_response_is_cut_out_as_zeros():
    output = nested([torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0, 5.0])])
    prompts = nested([torch.ones(2), torch.ones(1)])
    responses = nested([torch.ones(0), torch.ones(2)])
    assert of_responses(output, prompts, responses, 3).tolist() == [[0, 0, 0], [3, 4, 0]]


@pytest.mark.parametrize("source", ["old_policy", "current_policy"])
def test_the_loss_is_handed_the_current_entropy_only_where_it_reads_it(case, actor_config, monkeypatch, source):
    batch, _, output, data = case
    handed = []
    monkeypatch.setattr("verl.workers.utils.losses.ppo_loss", lambda *_: (handed.append(loss_inputs(HTPO)), ({}, {}))[1])
    settings = HTPOConfig(entropy_source=source)
    TokenFieldsLoss(actor_config(), *HTPO_LOSS[:2], settings, HTPO.reads_entropy(settings))(output, data)
    assert handed[0].settings is settings
    if source == "old_policy":
        assert handed[0].entropy is None
    else:
        exists = data["responses"].offsets().diff()[:, None] > torch.arange(WIDTH)
        assert torch.equal(handed[0].entropy, batch["entropy"].where(exists, 0))


def test_sums_add_up_over_micro_batches(case, actor_config):
    _, groups, output, data = case
    wrapper = TokenFieldsLoss(actor_config(), *HTPO_LOSS)
    first, second = (wrapper(output, data)[1] for _ in range(2))
    name = f"{SUMS}hard_correct_high/tokens"
    tokens = int((groups.abs() == 2).sum())
    assert tokens > 1
    first[name].append(second[name])
    assert first[name].aggregate() == 2 * tokens


def test_a_plugin_that_is_missing_on_a_worker_is_loud():
    sent = pickle.dumps(TokenFieldsLoss(None, "recipe.no_such_plugin", (), None))
    with pytest.raises(ModuleNotFoundError, match="no_such_plugin"):
        pickle.loads(sent)


def test_the_entropy_that_a_loss_reads_carries_no_gradient(case, actor_config, monkeypatch):
    _, _, output, data = case
    output["entropy"] = output["entropy"].detach().requires_grad_()
    handed = []

    def ppo_loss(*_):
        handed.append(loss_inputs(HTPO).entropy)
        return torch.zeros(()), {}

    monkeypatch.setattr("verl.workers.utils.losses.ppo_loss", ppo_loss)
    TokenFieldsLoss(actor_config(), *HTPO_LOSS, reads_entropy=True)(output, data)
    (entropy,) = handed
    assert not entropy.requires_grad
