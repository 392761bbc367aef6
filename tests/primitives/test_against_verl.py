"""Group advantages against verl's own GRPO: of rows, and of sessions with several outputs among padding rows."""

import numpy as np
import pytest
import torch
from tensordict import TensorDict
from verl import DataProto
from verl.trainer.ppo.core_algos import compute_grpo_outcome_advantage
from verl.trainer.ppo.v1.utils import compute_advantage_for_multi_trajectories

from recipe.primitives.group_advantage import Groups, grpo_advantage, row_weights
from recipe.token_level.rows import Rows

T = 5
# verl computes in float32; what is wrong by a weight or a deviation's n - 1 is wrong by percents.
FLOAT32 = {"rtol": 1e-4, "atol": 1e-5}


def token_rewards(values):
    """`[B, T]` float32 with each row's reward on its last token."""
    table = torch.zeros(len(values), T)
    table[:, -1] = torch.tensor(values)
    return table


@pytest.mark.parametrize("by_std", [True, False])
@pytest.mark.parametrize(
    ("rewards", "prompts"),
    [
        ([1.0, 0.0, 0.0, 1.0, 0.5, -1.0, 0.25, 3.0], "pqpqpqpq"),
        ([1.0, 0.0, -2.0, 0.5], "abcd"),
        ([1.0, 1.0, 0.0, 0.0, 0.25, 0.25], "ppqqrr"),
        ([1.0, 0.0, 0.25, 1.0, 1.0, 1.0], "pqpppr"),
    ],
    ids=["ragged rewards", "groups of one", "equal rewards", "groups of different sizes"],
)
def test_of_rows(rewards, prompts, by_std):
    expected, _ = compute_grpo_outcome_advantage(
        token_rewards(rewards), torch.ones(len(rewards), T), np.array(list(prompts)), norm_adv_by_std_in_grpo=by_std
    )
    values = torch.tensor(rewards, dtype=torch.float64)
    found = grpo_advantage(values, torch.ones_like(values), Groups(prompts, "cpu"), by_std)
    assert found.dtype == torch.float64
    torch.testing.assert_close(found.float(), expected[:, 0], **FLOAT32)
    order = torch.randperm(len(rewards), generator=torch.Generator().manual_seed(0))
    shuffled = grpo_advantage(values[order], torch.ones_like(values), Groups([prompts[i] for i in order], "cpu"), by_std)
    torch.testing.assert_close(shuffled, found[order])


# Outputs out of order, ten of them in one session (9 comes before 10), a session alone with its prompt, and padding rows.
KEYS = [
    *("p_0_1", "p_1_0", "q_0_0", "p_0_0", "q_1_2", "q_1_0", "q_1_1", "p_2_0"),
    *(f"r_0_{i}" for i in (10, 9, 0)),
    *("r_1_0", "s_0_0", "s_0_1"),
    *("pad-1_0_0", "pad-2_0_0"),
]
REWARDS = [1.0, 0.0, 0.5, 9.0, 0.25, 8.0, 7.0, 0.5, 1.0, -6.0, 5.0, 0.0, 0.75, 0.5, 0.0, 0.0]


@pytest.mark.parametrize("by_std", [True, False])
@pytest.mark.parametrize("seed", [None, 0, 1, 2])
def test_of_sessions_with_several_outputs_among_padding(by_std, seed):
    order = range(len(KEYS)) if seed is None else np.random.default_rng(seed).permutation(len(KEYS))
    keys, table = [KEYS[i] for i in order], token_rewards([REWARDS[i] for i in order])
    mask = torch.tensor([[0 if key.startswith("pad") else 1] * T for key in keys])
    uids = np.array([key.rsplit("_", 2)[0] for key in keys], dtype=object)
    data = DataProto(
        batch=TensorDict({"token_level_rewards": table.clone(), "response_mask": mask}, batch_size=len(keys)),
        non_tensor_batch={"uid": uids},
    )
    verls = compute_advantage_for_multi_trajectories(data, keys, "grpo", norm_adv_by_std_in_grpo=by_std)

    rows = Rows.of(keys)
    found = grpo_advantage(rows.rewards(table), row_weights(rows.session), Groups(rows.prompt, "cpu"), by_std)
    torch.testing.assert_close(found.float().unsqueeze(1) * mask, verls.batch["advantages"], **FLOAT32)
