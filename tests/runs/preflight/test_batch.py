"""Batch arithmetic, of the shipped HTPO config with the demo's model on 8 GPUs."""

import pytest

from recipe.runs.combinations import requests
from recipe.runs.preflight import batch
from recipe.runs.preflight.facts import SkipCheck
from tests.runs.preflight.support import ACTOR, EIGHT, ROLLOUT, check


@pytest.mark.parametrize(
    ("function", "overrides", "status", "finding", "mend"),
    [
        (
            batch.check_parallelism,
            [],
            "pass",
            "8 GPUs: 8 data-parallel ranks, sequence parallel 1, parameters sharded over 8",
            "",
        ),
        (batch.check_parallelism, [f"{ACTOR}.ulysses_sequence_parallel_size=3"], "fail", "is 3.*does not divide 8", "divisor"),
        (batch.check_parallelism, [f"{ACTOR}.fsdp_config.fsdp_size=3"], "fail", "fsdp_size is 3, which does not divide", "-1"),
        (batch.check_parallelism, [f"{ACTOR}.fsdp_config.fsdp_size=4"], "pass", "sharded over 4 GPUs", ""),
        (
            batch.check_parallelism,
            [f"{ACTOR}.ulysses_sequence_parallel_size=2", "actor_rollout_ref.model.use_remove_padding=False"],
            "fail",
            "needs packed sequences",
            "use_remove_padding=True",
        ),
        (batch.check_parallelism, ["model_engine=megatron"], "pass", "8 data-parallel ranks, tensor x pipeline x context", ""),
        (
            batch.check_parallelism,
            ["model_engine=megatron", f"{ACTOR}.megatron.pipeline_model_parallel_size=3"],
            "fail",
            "tensor x pipeline x context parallel size is 3, which does not divide 8 GPUs",
            "divisor",
        ),
        (
            batch.check_batch,
            [],
            "pass",
            r"128 prompts x 16 = 2,048 responses a step, 256 on each of 8 ranks, in 4 updates of 512",
            "",
        ),
        (batch.check_batch, ["data.train_batch_size=100"], "warn", "adds 448 empty rows", "train_batch_size a multiple of 32"),
        (
            batch.check_batch,
            [f"{ACTOR}.ppo_mini_batch_size=3", f"{ROLLOUT}.n=5"],
            "fail",
            "3 prompts x 5 responses does not divide over 8 data-parallel ranks",
            "ppo_mini_batch_size a multiple of 8",
        ),
        (batch.check_token_budget, [], "pass", "22,528 tokens hold the longest sequence, 22,528", ""),
        (batch.check_token_budget, [f"{ACTOR}.use_dynamic_bsz=False"], "skip", "fixed number of responses", ""),
        (
            batch.check_token_budget,
            [f"{ACTOR}.ppo_max_token_len_per_gpu=16384"],
            "fail",
            "ppo_max_token_len_per_gpu is 16,384, actor_rollout_ref.rollout.log_prob.* less than the 22,528 tokens",
            "ppo_max_token_len_per_gpu=22528",
        ),
        (
            batch.check_token_budget,
            [f"{ACTOR}.ppo_max_token_len_per_gpu=12000", f"{ACTOR}.ulysses_sequence_parallel_size=2"],
            "pass",
            "24,000 tokens",
            "",
        ),
        (
            batch.check_token_budget,
            [f"{ACTOR}.ppo_max_token_len_per_gpu=8192", f"{ACTOR}.ulysses_sequence_parallel_size=2"],
            "fail",
            "8,192 x 2 sequence-parallel GPUs",
            "ppo_max_token_len_per_gpu=11264",
        ),
        (
            batch.check_token_budget,
            [f"{ACTOR}.use_kl_loss=True", "actor_rollout_ref.ref.log_prob_max_token_len_per_gpu=2048"],
            "fail",
            "^actor_rollout_ref.ref.log_prob_max_token_len_per_gpu is 2,048",
            "ref.log_prob_max_token_len_per_gpu=22528",
        ),
        (batch.check_heads, [f"{ACTOR}.ulysses_sequence_parallel_size=4"], "pass", "4 attention and 2 key-value heads fit", ""),
        (
            batch.check_heads,
            [f"{ACTOR}.ulysses_sequence_parallel_size=8"],
            "fail",
            "ulysses.* is 8.* 4 attention",
            "one of 1, 2, 4$",
        ),
        (batch.check_heads, [f"{ROLLOUT}.tensor_model_parallel_size=8"], "fail", "tensor_model_parallel_size is 8", "1, 2, 4$"),
        (
            batch.check_heads,
            ["model_engine=megatron", f"{ACTOR}.megatron.tensor_model_parallel_size=8"],
            "fail",
            "megatron.tensor_model_parallel_size is 8",
            "1, 2, 4$",
        ),
        (batch.check_rollout, [f"{ROLLOUT}.tensor_model_parallel_size=2"], "pass", "4 vllm replicas of 2 GPUs", ""),
        (
            batch.check_rollout,
            [f"{ROLLOUT}.tensor_model_parallel_size=3"],
            "fail",
            "does not divide the 8 GPUs",
            "divisor of 8",
        ),
        (
            batch.check_rollout,
            [f"{ROLLOUT}.tensor_model_parallel_size=3", "trainer.nnodes=3"],
            "fail",
            "straddle nodes of 8 GPUs",
            "divisor of 8",
        ),
        (
            batch.check_rollout,
            [f"{ROLLOUT}.tensor_model_parallel_size=16", "trainer.nnodes=2"],
            "warn",
            "each on several nodes",
            "at most a node's GPUs",
        ),
        (
            batch.check_rollout,
            ["trainer.v1.trainer_mode=separate_async", f"{ROLLOUT}.nnodes=1", f"{ROLLOUT}.n_gpus_per_node=4"],
            "pass",
            "12 vllm replicas of 1 GPU",
            "",
        ),
        (batch.check_context_length, [], "fail", "context of 2,048 tokens cuts.* 22,528", "another model"),
        (
            batch.check_context_length,
            ["data.max_prompt_length=48", "data.max_response_length=8"],
            "pass",
            "2,048 tokens holds prompt and response, 56",
            "",
        ),
        (
            batch.check_context_length,
            ["data.max_prompt_length=48", "data.max_response_length=8", f"{ROLLOUT}.max_model_len=50"],
            "fail",
            "context of 50 tokens",
            "max_model_len=56",
        ),
        (
            batch.check_context_length,
            [f"{ROLLOUT}.max_model_len=4096"],
            "fail",
            "more than the model's 2,048 positions",
            "=22528",
        ),
        (
            batch.check_context_length,
            ["+actor_rollout_ref.model.override_config.max_position_embeddings=32768"],
            "pass",
            "context of 32,768",
            "",
        ),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
def test_batch_arithmetic(run, function, overrides, status, finding, mend):
    check(function(run(EIGHT, *overrides, platform="gpu")), status, finding, mend)


def test_gpus_that_cannot_be_divided_skip_what_needs_the_ranks(run):
    with pytest.raises(SkipCheck, match="cannot be divided"):
        batch.check_batch(run(EIGHT, f"{ACTOR}.ulysses_sequence_parallel_size=3", platform="gpu"))


SYNC, COLOCATE = "trainer.v1.trainer_mode=sync", "trainer.v1.trainer_mode=colocate_async"
LARGE = (COLOCATE, "data.train_batch_size=512", f"{ROLLOUT}.n=16", EIGHT, "trainer.nnodes=4")


@pytest.mark.parametrize(
    ("overrides", "status", "finding", "mend"),
    [
        # HAPO's preset for 7B in this mode: (512 + 512) x 16 / 8, and 1,024 + 16
        ((f"{ROLLOUT}.tensor_model_parallel_size=4", f"{ROLLOUT}.max_num_seqs=1024"), "fail", "up to 2,048 requests", "=2048,"),
        ((f"{ROLLOUT}.tensor_model_parallel_size=4", f"{ROLLOUT}.max_num_seqs=2048"), "pass", "8 replicas, .* takes 2,064", ""),
        ((f"{ROLLOUT}.tensor_model_parallel_size=2",), "fail", "1,024 .* 16 replicas, whose actor takes 1,000 calls", "=1024,"),
        ((), "pass", "up to 512 requests at a time on each of 32 replicas, whose actor takes 1,000 calls", ""),
        # 128 more prompts are asked for, and come by 96
        (("trainer.v1.colocate_async.num_warmup_batches=0.25", "data.gen_batch_size=96"), "pass", "up to 304 requests", ""),
        (
            ("trainer.v1.trainer_mode=sync", f"{ROLLOUT}.tensor_model_parallel_size=8"),
            "warn",
            "2,048 .*: a request to stop",
            "",
        ),
        ((SYNC, "algorithm.filter_groups.enable=False"), "pass", "up to 256 requests", ""),
    ],
)
def test_requests_at_a_replica_leave_a_place_for_its_control(run, overrides, status, finding, mend):
    check(batch.check_requests(run(*LARGE, *overrides, platform="gpu")), status, finding, mend)


def test_the_limit_is_verls_own(monkeypatch):
    from types import SimpleNamespace

    from verl.workers.rollout.replica import CONTROL_METHOD_CONCURRENCY, RolloutReplica

    assert CONTROL_METHOD_CONCURRENCY == requests.CONTROL
    for seqs, limit in ((256, 1000), (984, 1000), (1024, 1040)):
        replica = SimpleNamespace(config=SimpleNamespace(max_num_seqs=seqs))
        assert RolloutReplica.max_concurrency.fget(replica) == limit == max(requests._LEAST, seqs + requests.CONTROL)
