"""A method's advantages and token fields in the lab are those of its registered estimator, seed by seed."""

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from recipe.hapo.settings import HAPOConfig
from recipe.htpo.settings import HTPOConfig
from recipe.lab.objectives import HAPO, HTPO, Batch
from recipe.primitives.active import active

COPIES, PROMPTS, N, WIDTH = 2, 3, 4, 12
ROWS = PROMPTS * N


def batch():
    g = torch.Generator().manual_seed(4)
    rows = COPIES * ROWS
    lengths = torch.randint(1, WIDTH + 1, (rows,), generator=g)
    acc = torch.randint(0, 2, (rows,), generator=g).double()
    acc[:N], acc[N : 2 * N - 1] = 1, 0  # a prompt with equal answers, a hard one
    old = -torch.rand(rows, WIDTH, generator=g)
    mask = torch.arange(WIDTH) < lengths[:, None]
    entropy = torch.rand(rows, WIDTH, generator=g).pow(3)
    keys = [f"{row // N}_{row}_0" for row in range(rows)]
    return Batch(old, entropy, mask, acc, acc, torch.arange(rows // N).repeat_interleave(N), COPIES, keys)


def registered(name, settings, made: Batch, copy: int):
    """What verl's registry has, called as the trainer calls it for one seed."""
    from verl.trainer.ppo.core_algos import get_adv_estimator_fn

    from recipe.token_level.context import EstimatorInputs, handing_estimator
    from recipe.token_level.method import require_registered

    if name == "htpo":
        from recipe.htpo.method import HTPO as METHOD
    else:
        from recipe.hapo.method import HAPO as METHOD
    require_registered(METHOD)
    rows = made.of_copy(copy)
    inputs = EstimatorInputs(settings, made.keys[rows], np.zeros(ROWS, dtype=bool), made.entropy[rows], made.acc[rows].numpy())
    rewards = torch.zeros(ROWS, WIDTH)
    rewards[torch.arange(ROWS), made.mask[rows].sum(1) - 1] = made.reward[rows].float()
    config = OmegaConf.create({"norm_adv_by_std_in_grpo": True})
    with handing_estimator(inputs):
        advantages, _ = get_adv_estimator_fn(name)(
            token_level_rewards=rewards, response_mask=made.mask[rows].long(), index=None, config=config
        )
    return advantages, next(iter(inputs.token_fields.values()))


PREPARED = [
    *(HTPO(HTPOConfig(variant=variant)) for variant in ("paper", "released")),
    *(HTPO(HTPOConfig(high_entropy_by=by)) for by in ("batch", "random")),
    *(HTPO(HTPOConfig(advantage=rival)) for rival in ("gtpo", "edge_grpo")),
    *(HAPO(HAPOConfig(variant=variant)) for variant in ("paper", "released")),
]


@pytest.mark.parametrize("objective", PREPARED)
def test_it_prepares_what_the_registered_estimator_makes(objective):
    made, name = batch(), type(objective).__name__.lower()
    objective.prepare(made)
    for copy in range(COPIES):
        rows = made.of_copy(copy)
        advantages, field = registered(name, objective.config, made, copy)
        mask = made.mask[rows]
        assert torch.allclose(made.advantages[rows].double(), advantages.double(), rtol=1e-5, atol=1e-5)
        assert torch.equal(made.token_field[rows][mask], field[mask])


def slopes(objective, log_prob, *rest):
    leaf = log_prob.clone().requires_grad_()
    return torch.autograd.grad(objective.losses(leaf, *rest).sum(), leaf)[0]


def noisy(made):
    return made.old_log_prob + 0.5 * torch.randn(made.mask.shape, generator=torch.Generator().manual_seed(0))


def test_the_share_of_tokens_where_htpo_is_not_dapo():
    made, objective = batch(), HTPO(HTPOConfig())
    objective.prepare(made)

    def differ(log_prob):
        found = objective.active(log_prob, made.old_log_prob, made.advantages, made.token_field)
        return made.mask & found["htpo/active_share"]

    on_policy = differ(made.old_log_prob)
    detached = made.mask & (made.token_field < 0) & (made.advantages != 0)
    assert torch.equal(on_policy, detached)  # before the first update nothing but what is silenced
    assert differ(noisy(made)).sum() > on_policy.sum()


def test_dapo_has_no_active_tokens_to_speak_of():
    made, objective = batch(), HTPO(HTPOConfig(objectives="dapo"))
    objective.prepare(made)
    rows = (noisy(made), made.old_log_prob, made.advantages, made.token_field)
    assert objective.active(*rows) == {}
    ratio = (rows[0] - rows[1]).exp()
    assert not (made.mask & active(slopes(objective, *rows), ratio, made.advantages, objective.config)).any()


@pytest.mark.parametrize("objective", [HTPO(HTPOConfig(variant="released")), HTPO(HTPOConfig()), HAPO(HAPOConfig())])
def test_active_tokens_are_those_of_the_loss(objective):
    made = batch()
    objective.prepare(made)
    rows = (noisy(made), made.old_log_prob, made.advantages, made.token_field)
    ratio = (rows[0] - rows[1]).exp()
    expected = active(slopes(objective, *rows), ratio, made.advantages, objective.config)
    found = next(iter(objective.active(*rows).values()))
    assert torch.equal(found[made.mask], expected[made.mask])
    assert 0 < found[made.mask].float().mean() < 1


@pytest.mark.parametrize("name", ["htpo", "hapo"])
def test_active_shares_are_those_that_the_registered_loss_logs(name, actor_config):
    from verl.trainer.ppo.core_algos import get_policy_loss_fn

    from recipe.hapo.method import HAPO as HAPO_METHOD
    from recipe.htpo.method import HTPO as HTPO_METHOD
    from recipe.token_level.context import LossInputs, handing_loss
    from recipe.token_level.method import require_registered

    method = {"htpo": HTPO_METHOD, "hapo": HAPO_METHOD}[name]
    require_registered(method)
    config = actor_config(recipe=name)
    settings = method.settings({}, config)
    made, objective = batch(), HTPO(settings) if name == "htpo" else HAPO(settings)
    objective.prepare(made)
    log_prob, sums = noisy(made), {}
    for rows in torch.arange(len(made.mask)).split(5):  # micro-batches
        inputs = LossInputs(settings, {method.token_fields[0]: made.token_field[rows]})
        with handing_loss(inputs):
            given = (made.old_log_prob[rows], log_prob[rows], made.advantages[rows], made.mask[rows])
            get_policy_loss_fn(name)(*given, "token-mean", config)
        sums = {key: sums.get(key, 0) + x.item() for key, x in inputs.sums.items()}
    logged = method.ratios(sums)
    found = objective.active(log_prob, made.old_log_prob, made.advantages, made.token_field)
    for metric, tokens in found.items():
        assert logged[metric] == pytest.approx(tokens[made.mask].float().mean().item(), rel=1e-6), metric
    assert set(found) == {
        metric for metric in logged if metric.endswith("active_share") and "_low/" not in metric and "_high/" not in metric
    }
