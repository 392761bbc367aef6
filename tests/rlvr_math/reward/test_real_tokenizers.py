"""The shipped reward behind verl's DAPO manager with byte-level BPE: the text has no special tokens, lengths are tokens."""

import asyncio

import pytest
import torch

from recipe.rlvr_math.reward.score import compute_score
from tests.composing import compose
from tests.real_tokenizers import REAL

GIVEN = ("actor_rollout_ref.model.path=m", "data.train_files=t", "data.val_files=v")
TEXT = "求方程的解。π ≈ 3.14, so the answer is \\boxed{7}"
LIMIT, BUFFER = 80, 40


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("extra", [0, 10])
def test_the_length_penalty_counts_tokens_to_the_end_token(name, extra):
    from verl import DataProto
    from verl.experimental.reward_loop.reward_manager.dapo import DAPORewardManager

    make, ends = REAL[name]
    tokenizer = make()
    buffer = f"reward.reward_kwargs.overlong_buffer_cfg.len={BUFFER}"
    config = compose("htpo", *GIVEN, f"data.max_response_length={LIMIT}", buffer)
    space = tokenizer.encode("\n", add_special_tokens=False)
    ids = [*tokenizer.encode(TEXT, add_special_tokens=False), tokenizer.convert_tokens_to_ids(ends[0])]
    assert len(space) == 1
    ids = [*space * (LIMIT - BUFFER + extra - len(ids)), *ids]
    assert len(ids) == LIMIT - BUFFER + extra  # the last length without a penalty, and 10 tokens more

    async def scored():
        manager = DAPORewardManager(config, tokenizer, compute_score)
        tensors = {
            "prompts": torch.ones(1, 3),
            "responses": torch.tensor([ids]),
            "attention_mask": torch.ones(1, 3 + len(ids), dtype=torch.int64),
        }
        row = {"data_source": ["math_dapo"], "reward_model": [{"ground_truth": "7"}]}
        return await manager.run_single(DataProto.from_dict(tensors=tensors, non_tensors=row))

    found = asyncio.run(scored())
    factor = config.reward.reward_kwargs.overlong_buffer_cfg.penalty_factor
    right = compute_score("math_dapo", TEXT, "7")
    assert right["acc"] == 1.0
    assert found["reward_extra_info"]["acc"] == 1.0
    assert float(found["reward_score"]) == pytest.approx(right["score"] - extra / BUFFER * factor)
