"""An agent loop of several turns with a tool: what the tool wrote is in the response, and is none of the policy's tokens."""

import asyncio
from types import SimpleNamespace

import pyarrow.parquet as parquet
import pytest

from launch.demo.make_model import make_tokenizer
from recipe.htpo import GROUPS
from tests import ROOT
from tests.composing import compose
from tests.training import Run

FILE = ROOT / "tests/tools.py"
TOOL = (
    "actor_rollout_ref.rollout.multi_turn.enable=True",
    "actor_rollout_ref.rollout.multi_turn.max_assistant_turns=2",
    "actor_rollout_ref.rollout.multi_turn.format=answer_is_a_call",
    f"actor_rollout_ref.rollout.multi_turn.function_tool_path={FILE}",
    "actor_rollout_ref.rollout.agent.default_agent_loop=tool_agent",
    "data.max_response_length=40",
    "actor_rollout_ref.rollout.max_model_len=96",
)
REWARD = (f"reward.custom_reward_function.path={FILE}", "reward.custom_reward_function.name=first_answer")
TURN = "<|im_start|>tool\nis it {}?<|im_end|>\n<|im_start|>assistant\n"
# One start for what else only several ranks have: a tensor-parallel vLLM, Ulysses, unpadded batches, entropies in chunks.
TWO_RANKS = (
    "trainer.n_gpus_per_node=2",
    "actor_rollout_ref.rollout.tensor_model_parallel_size=2",
    "actor_rollout_ref.actor.ulysses_sequence_parallel_size=2",
    "actor_rollout_ref.model.use_remove_padding=True",
    "actor_rollout_ref.model.override_config.attn_implementation=flash_attention_2",
    "actor_rollout_ref.model.enable_gradient_checkpointing=True",
    "actor_rollout_ref.actor.entropy_from_logits_with_chunking=True",
    "actor_rollout_ref.actor.fsdp_config.param_offload=True",
    "actor_rollout_ref.actor.fsdp_config.optimizer_offload=True",
    "adaptive_temperature.enabled=True",
    "adaptive_temperature.tau=0.3",
    "trainer.token_dump.every=1",
)


def test_verls_tool_loop_masks_the_tools_turn():
    from verl.experimental.agent_loop.agent_loop import DictConfigWrap, ToolListWrap
    from verl.experimental.agent_loop.tool_agent_loop import ToolAgentLoop
    from verl.tools.tool_registry import load_all_tools

    given = ("actor_rollout_ref.model.path=m", "data.train_files=t", "data.val_files=v")
    config = compose("htpo", "+platform=cpu", "+experiment=demo", *given, *TOOL)
    tokenizer = make_tokenizer()
    seen = []

    class Server:
        async def generate(self, request_id, prompt_ids, sampling_params, **_):
            seen.append(tokenizer.decode(prompt_ids))
            ids = [*tokenizer.encode(str(6 + len(seen))), tokenizer.eos_token_id]
            return SimpleNamespace(token_ids=ids, log_probs=[-0.5] * 2, num_preempted=0, extra_fields={}, routed_experts=None)

    async def answered():
        loop = ToolAgentLoop(
            trainer_config=DictConfigWrap(config),
            server_manager=Server(),
            tokenizer=tokenizer,
            processor=None,
            dataset_cls=None,
            data_config=DictConfigWrap(config.data),
            hf_model_type="qwen3",
            tools=ToolListWrap(load_all_tools(None, str(FILE))),
        )
        return await loop.run({}, raw_prompt=[{"role": "user", "content": "3+4=?"}])

    output = asyncio.run(answered())
    assert tokenizer.decode(output.response_ids).endswith(f"7<|im_end|>\n{TURN.format(7)}8<|im_end|>")
    between = len(output.response_ids) - 4
    assert output.response_mask == [1, 1, *[0] * between, 1, 1]
    assert output.response_logprobs == [-0.5, -0.5, *[0.0] * between, -0.5, -0.5]
    assert seen[1].endswith(TURN.format(7))


def check_dump(path, low, high):
    """The tool's tokens have no group, no entropy and no advantage; the policy's, before and after, have all."""
    rows = parquet.read_table(path).to_pylist()
    assert rows
    for row in rows:
        text = "".join(row["token"])
        place = text.index("<|im_end|>") + len("<|im_end|>")
        end = text.index("assistant\n", place) + len("assistant\n")
        position = 0
        for i, piece in enumerate(row["token"]):
            tools_own = place <= position < end
            position += len(piece)
            assert (row["group"][i] == 0) == tools_own, text
            for name in ("entropy", "old_log_prob", "ratio", "advantage"):
                assert (row[name][i] is None or row[name][i] != row[name][i]) == tools_own
            assert tools_own or 0 <= row["entropy"][i] <= high
    assert min(min(x for x in row["entropy"] if x == x) for row in rows) >= low


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_it_trains_on_two_ranks_with_tensor_parallel_vllm_and_goes_on_with_one(demo_inputs, tmp_path):
    overrides = (*TOOL, *REWARD, *TWO_RANKS, f"trainer.token_dump.folder={tmp_path}/tokens")
    last = ("trainer.total_training_steps=2", "trainer.save_freq=2")
    steps = Run(demo_inputs, tmp_path, *overrides, *last).start().finish()
    assert sorted(steps) == [1, 2]
    for step, data in steps.items():
        assert sum(data[f"htpo/{name}/token_share"] for name in GROUPS) == pytest.approx(1)
        assert data["actor/grad_norm"] > 0
        assert data["num_turns/mean"] == 4  # the question, two answers, the tool
        check_dump(tmp_path / f"tokens/step_{step}.parquet", 0.0, 4.41)  # log of 82
    # Both ranks of vLLM have the weights; in the second step each adapts the temperature, alike.
    assert steps[1]["training/rollout_probs_diff_max"] < 1e-4 < 1e-2 < steps[2]["training/rollout_probs_diff_max"]

    one = (
        *("trainer.n_gpus_per_node=1", "actor_rollout_ref.rollout.tensor_model_parallel_size=1"),
        *("actor_rollout_ref.actor.ulysses_sequence_parallel_size=1", "trainer.total_training_steps=3", "trainer.save_freq=-1"),
    )
    run = Run(demo_inputs, tmp_path, *overrides, *one).start()
    resumed = run.finish()
    assert sorted(resumed) == [3]
    assert "loaded the checkpoint of 2 ranks in" in run.log.read_text(errors="replace")
    assert resumed[3]["actor/grad_norm"] > 0
    check_dump(tmp_path / "tokens/step_3.parquet", 0.0, 4.41)
