"""A method's advantages and token fields in the lab are those of its registered estimator, seed by seed."""

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from recipe.hapo.settings import HAPOConfig
from recipe.htpo.settings import HTPOConfig
from recipe.lab.objectives import HAPO, HTPO, Batch
from recipe.lab.update import slopes

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
    return Batch(old, entropy, mask, acc, acc, torch.arange(rows // N).repeat_interleave(N), COPIES)


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
    keys = [f"{prompt}_{row}_0" for row, prompt in enumerate(made.prompt[rows].tolist())]
    inputs = EstimatorInputs(settings, keys, np.zeros(ROWS, dtype=bool), made.entropy[rows], made.acc[rows].numpy())
    rewards = torch.zeros(ROWS, WIDTH)
    rewards[torch.arange(ROWS), made.mask[rows].sum(1) - 1] = made.reward[rows].float()
    config = OmegaConf.create({"norm_adv_by_std_in_grpo": True})
    with handing_estimator(inputs):
        advantages, _ = get_adv_estimator_fn(name)(
            token_level_rewards=rewards, response_mask=made.mask[rows].long(), index=None, config=config
        )
    return advantages, next(iter(inputs.token_fields.values()))


@pytest.mark.parametrize("variant", ["paper", "released"])
@pytest.mark.parametrize("name", ["htpo", "hapo"])
def test_it_prepares_what_the_registered_estimator_makes(name, variant):
    made = batch()
    objective = HTPO(HTPOConfig(variant=variant)) if name == "htpo" else HAPO(HAPOConfig(variant=variant))
    objective.prepare(made)
    for copy in range(COPIES):
        rows = made.of_copy(copy)
        advantages, field = registered(name, objective.config, made, copy)
        mask = made.mask[rows]
        assert torch.allclose(made.advantages[rows].double(), advantages.double(), atol=1e-6)
        assert torch.equal(made.token_field[rows][mask], field[mask])


def test_the_share_of_tokens_where_htpo_is_not_dapo():
    made, objective = batch(), HTPO(HTPOConfig())
    objective.prepare(made)
    baseline, plain = objective.baseline(made)
    assert torch.equal(plain, made.advantages)

    def differ(log_prob):
        ours = slopes(objective, log_prob, made.old_log_prob, made.advantages, made.token_field)
        return made.mask & (ours != slopes(baseline, log_prob, made.old_log_prob, plain, made.token_field))

    on_policy = differ(made.old_log_prob)
    detached = made.mask & (made.token_field < 0) & (made.advantages != 0)
    assert torch.equal(on_policy, detached)  # before the first update nothing but what is silenced
    assert differ(made.old_log_prob + 1.0).sum() > on_policy.sum()


def test_dapo_is_its_own_baseline():
    made, objective = batch(), HTPO(HTPOConfig(objectives="dapo"))
    objective.prepare(made)
    baseline, plain = objective.baseline(made)
    noisy = made.old_log_prob + torch.randn(made.mask.shape, generator=torch.Generator().manual_seed(0))
    ours = slopes(objective, noisy, made.old_log_prob, made.advantages, made.token_field)
    assert torch.equal(ours, slopes(baseline, noisy, made.old_log_prob, plain, made.token_field))
