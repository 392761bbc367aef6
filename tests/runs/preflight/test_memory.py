"""The estimate of GPU memory, and what it is compared with."""

import pytest

from recipe.runs.preflight import memory
from recipe.runs.preflight.facts import SkipCheck
from tests.runs.preflight.support import ACTOR, EIGHT, ROLLOUT, check


def test_the_estimate_is_the_formula(run):
    demo = run(EIGHT, platform="gpu")
    shape, n, t = demo.model.config, demo.model.parameters, 22528
    found = memory.estimate(demo)
    assert (found.parameters, found.gradients, found.moments) == (4 * n / 8, 4 * n / 8, 8 * n / 8)
    assert found.gathered == 2 * (2 * demo.model.outside_layers + 3 * demo.model.largest_layer)
    assert found.logits == t * shape.vocab_size * 6
    layer = 4 * 128 + 3 * 128 + 4 * 64 + 3 * 256
    assert found.activations == 2 * t * (2 * 128 + layer)
    assert found.engine == 2 * (n + 22528 * 2 * 2 * 64)

    def of(*overrides):
        return memory.estimate(run(EIGHT, *overrides, platform="gpu"))

    assert of("actor_rollout_ref.model.use_fused_kernels=True").logits == 0
    assert of("actor_rollout_ref.model.enable_gradient_checkpointing=False").activations == 2 * t * 2 * layer
    assert of(f"{ACTOR}.fsdp_config.fsdp_size=2").parameters == 4 * n / 2
    assert of(f"{ACTOR}.strategy=fsdp2", f"{ACTOR}.fsdp_config.offload_policy=True").moments == 0
    assert of("actor_rollout_ref.model.lora_rank=8").moments == 8 * demo.model.lora_parameters(8) / 8
    fixed = (f"{ACTOR}.use_dynamic_bsz=False", f"{ACTOR}.ppo_micro_batch_size_per_gpu=2")
    assert of(*fixed).logits == 2 * found.logits
    with pytest.raises(SkipCheck, match="for FSDP, not megatron"):
        of("model_engine=megatron")


@pytest.mark.parametrize(
    ("gpu", "overrides", "status", "finding", "mend"),
    [
        (80, [], "pass", r"of a GPU's 80.0 GiB: training 2.1 GiB .*rollouts 42.0 GiB \(vLLM 40.0 GiB\)", ""),
        (
            80,
            [f"{ROLLOUT}.gpu_memory_utilization=0.9"],
            "warn",
            "rollouts 74.0 GiB",
            "gpu_memory_utilization=0.87, or .*offload",
        ),
        (
            80,
            [f"{ROLLOUT}.gpu_memory_utilization=0.99"],
            "fail",
            "rollouts 81.2 GiB",
            "gpu_memory_utilization=0.97, or .*offload",
        ),
        (2.3, [f"{ROLLOUT}.gpu_memory_utilization=0.05"], "warn", "training 2.1 GiB", "ppo_max_token_len_per_gpu.*fused"),
        (80, [f"{ROLLOUT}.gpu_memory_utilization=0.0001"], "fail", "vLLM needs 11.6 MiB for its weights", "raise"),
        (
            4,
            [f"{ROLLOUT}.free_cache_engine=False", f"{ROLLOUT}.gpu_memory_utilization=0.49"],
            "warn",
            "training 4.1 GiB .*vLLM awake",
            "",
        ),
        (1.9, [f"{ROLLOUT}.gpu_memory_utilization=0.01"], "fail", "training 2.1 GiB", "gpu_memory_utilization=0.00|more GPUs"),
        (
            2.2,
            ["trainer.v1.trainer_mode=separate_async", "actor_rollout_ref.hybrid_engine=False"],
            "warn",
            r"training 2.1 GiB .*rollouts 1.1 GiB",
            "fused",
        ),
        (1.9, ["trainer.v1.trainer_mode=separate_async", "actor_rollout_ref.hybrid_engine=False"], "fail", "", "more GPUs"),
    ],
)
def test_memory_passes_is_tight_or_does_not_fit(run, gpu, overrides, status, finding, mend):
    # The two gibibytes of contexts and the like are most of it.
    check(memory.check_memory(run(EIGHT, f"+preflight.gpu_gib={gpu}", *overrides, platform="gpu")), status, finding, mend)
