"""What verl's engines hand to a loss."""

import pytest
import torch
from tensordict import TensorDict
from verl.utils import tensordict_utils as tu

from recipe.htpo import HTPOConfig, partition_tokens
from tests.pure_support import random_batch

ROWS, WIDTH = 6, 20
PROMPTS = [3, 7, 1, 5, 2, 4]


def nested(rows):
    return torch.nested.as_nested_tensor(list(rows), layout=torch.jagged)


@pytest.fixture
def case():
    """A ragged batch with holes in the response mask, as verl's engine hands it to a loss: (padded, model output, data)."""
    batch = random_batch(rows=ROWS, width=WIDTH, dtype=torch.float32)
    lengths = torch.tensor([20, 4, 11, 1, 16, 9])
    exists = torch.arange(WIDTH) < lengths[:, None]
    holes = torch.ones_like(exists)
    holes[0, 5:9] = holes[4, 3] = False  # tool output of a multi-turn session
    batch["response_mask"] = exists & holes
    batch["rollout_is_weights"] = torch.rand(ROWS, WIDTH)
    batch["ref_log_prob"] = batch["old_log_prob"] - 0.1
    groups = partition_tokens(batch["entropy"], batch["response_mask"], batch["hard"], batch["correct"], HTPOConfig())

    def responses(x):
        return nested(x[i, : lengths[i]] for i in range(ROWS))

    def sequences(x):
        """Model outputs cover prompt and response and are shifted: position t predicts token t + 1."""
        parts = [torch.cat([torch.zeros(p - 1), x[i, : lengths[i]], torch.zeros(1)]) for i, p in enumerate(PROMPTS)]
        return nested(parts)

    fields = {
        "prompts": nested(torch.ones(p, dtype=torch.long) for p in PROMPTS),
        "responses": nested(torch.ones(n, dtype=torch.long) for n in lengths.tolist()),
        "response_mask": responses(batch["response_mask"].long()),
        "old_log_probs": responses(batch["old_log_prob"]),
        "advantages": responses(batch["advantages"]),
        "rollout_is_weights": responses(batch["rollout_is_weights"]),
        "ref_log_prob": responses(batch["ref_log_prob"]),
        "token_groups": responses(groups),
    }
    data = TensorDict(fields, batch_size=ROWS)
    tokens = int(batch["response_mask"].sum())
    tu.assign_non_tensor(data, dp_size=1, batch_num_tokens=tokens, global_batch_size=ROWS)
    output = {"log_probs": sequences(batch["log_prob"]), "entropy": sequences(batch["entropy"])}
    return batch, groups, output, data
