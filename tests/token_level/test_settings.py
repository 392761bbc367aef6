"""The same update under every setting of a cluster: loss, gradient, gradient norm and metrics agree.

Everything but the one setting in bf16 is computed in float64, in which a wrong mask, scale or row cannot pass for rounding.
"""

import pytest
import torch

from tests.token_level.actor_update import Update, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ACTOR, MODEL = "actor_rollout_ref.actor", "actor_rollout_ref.model"
MICRO = f"{ACTOR}.ppo_micro_batch_size_per_gpu"
DYNAMIC = (f"{ACTOR}.use_dynamic_bsz=True", f"{ACTOR}.ppo_max_token_len_per_gpu=64")
UNPADDED = (f"{MODEL}.use_remove_padding=True", f"{MODEL}.override_config.attn_implementation=flash_attention_2")
ULYSSES = (*UNPADDED, f"{ACTOR}.ulysses_sequence_parallel_size=2")

KL = (f"{ACTOR}.use_kl_loss=True", f"{ACTOR}.kl_loss_coef=0.1")
LORA = (f"{MODEL}.lora_rank=4", f"{MODEL}.lora_alpha=8", f"{MODEL}.target_modules=all-linear")

# World size, name of the setting: its overrides. Those called masked have filtered and rejected responses in their batch; one
# of four ranks has no others.
SETTINGS = {
    1: {
        "micro-batches of 1": (),
        "micro-batches of 4": (f"{MICRO}=4",),
        "dynamic batches": DYNAMIC,
        "unpadded": UNPADDED,
        "unpadded, dynamic batches": (*UNPADDED, *DYNAMIC),
        "unpadded by the mask of SDPA": (f"{MODEL}.use_remove_padding=True",),
        "gradient checkpointing": (f"{MODEL}.enable_gradient_checkpointing=True",),
        "entropy in chunks": (f"{ACTOR}.entropy_from_logits_with_chunking=True",),
        "KL": KL,
        "LoRA": LORA,
        "masked": (),
        "masked, micro-batches of 4": (f"{MICRO}=4",),
        "masked, unpadded, dynamic batches": (*UNPADDED, *DYNAMIC),
    },
    2: {
        "sharded over 2": (),
        "Ulysses 2": ULYSSES,
        "Ulysses 2, dynamic batches": (*ULYSSES, *DYNAMIC),
        "offload": (f"{ACTOR}.fsdp_config.param_offload=True", f"{ACTOR}.fsdp_config.optimizer_offload=True"),
        "KL, sharded over 2": (*KL, *UNPADDED),
        "LoRA, Ulysses 2": (*LORA, *ULYSSES),
        "masked, sharded over 2": (),
        "masked, Ulysses 2, dynamic batches": (*ULYSSES, *DYNAMIC),
    },
    4: {
        "sharded over 4": UNPADDED,
        "sharded over 2, twice": (*UNPADDED, f"{ACTOR}.fsdp_config.fsdp_size=2"),
        "sharded over 2, twice, Ulysses 2": (*ULYSSES, f"{ACTOR}.fsdp_config.fsdp_size=2"),
        "masked, sharded over 4": UNPADDED,
    },
}
METHODS = ("htpo", "hapo")
# What a GPU computes in: weights and gradients in float32, the model in bf16.
BF16 = (*ULYSSES, *DYNAMIC, f"{ACTOR}.fsdp_config.mixed_precision.param_dtype=bf16")
CASES = [(method, world, name) for world, settings in SETTINGS.items() for method in METHODS for name in settings]
BASES = ("micro-batches of 1", "KL", "LoRA", "masked")


def base(name):
    """The setting whose numbers this one must have: a KL term, adapters and masks change them."""
    return next((base for base in BASES[1:] if base in name), BASES[0])


@pytest.fixture(scope="module")
def results(demo_inputs, tmp_path_factory):
    """Of every case; the ranks of a world size are started once."""
    folder = tmp_path_factory.mktemp("settings")
    found = {}
    for world, settings in SETTINGS.items():
        cases = [case for case in CASES if case[1] == world]
        updates = [Update(method, settings[name], masked="masked" in name) for method, _, name in cases]
        if world == 2:
            cases += [(method, world, "bf16") for method in METHODS]
            updates += [Update(method, BF16, torch.float32) for method in METHODS]
        found |= dict(zip(cases, run(demo_inputs / "model", world, updates, folder), strict=True))
    return found


@pytest.mark.parametrize(("method", "world", "name"), [case for case in CASES if case[2] not in BASES], ids=str)
def test_the_update_is_the_same(results, method, world, name):
    result, reference = results[method, world, name], results[method, 1, base(name)]
    assert result.loss == pytest.approx(reference.loss, rel=1e-6)  # verl adds the micro-batches' losses up in float32
    assert result.grad_norm == pytest.approx(reference.grad_norm, rel=1e-9)
    torch.testing.assert_close(result.gradient, reference.gradient, rtol=1e-8, atol=1e-12)
    assert result.gradient.dtype == torch.float64
    assert result.gradient.abs().max() > 1e-3
    assert result.metrics[0] == pytest.approx(reference.metrics[0], rel=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_the_bases_differ(results, method):
    plain, kl, lora, masked = (results[method, 1, name] for name in BASES)
    assert kl.loss[0] != pytest.approx(plain.loss[0], rel=1e-3)
    assert kl.metrics[0]["kl_loss"] > 0
    assert kl.gradient.shape == plain.gradient.shape
    assert not torch.allclose(kl.gradient, plain.gradient, rtol=1e-3)
    assert lora.gradient.numel() < plain.gradient.numel() / 5
    assert not torch.allclose(masked.gradient, plain.gradient, rtol=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_bf16_stays_within_its_bound(results, method):
    result, reference = results[method, 2, "bf16"], results[method, 1, "micro-batches of 1"]
    assert result.gradient.dtype == torch.float32
    assert result.loss == pytest.approx(reference.loss, rel=1e-5)  # the rollouts' log-probs are as imprecise as the policy's
    assert result.grad_norm == pytest.approx(reference.grad_norm, rel=0.05)
    error = (result.gradient.double() - reference.gradient).norm() / reference.gradient.norm()
    assert 1e-4 < error < 0.05  # it was bf16: a norm may agree by chance, and float32 is right to 1e-6
