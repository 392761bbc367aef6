"""What stock verl, PyTorch and transformers do with some of the combinations: the rules' claims, seen."""

import pytest
import torch
from verl.trainer.ppo.core_algos import agg_loss


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_packed_sequences_do_not_see_each_other(implementation):
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    sizes = {"vocab_size": 100, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    config = Qwen2Config(**sizes, num_attention_heads=4, num_key_value_heads=2)
    model = Qwen2ForCausalLM._from_config(config, attn_implementation=implementation).eval()
    parts = [torch.randint(0, 100, (1, length)) for length in (7, 5)]
    packed = {"input_ids": torch.cat(parts, 1), "position_ids": torch.cat([torch.arange(7), torch.arange(5)])[None]}
    with torch.no_grad():
        alone = torch.cat([model(input_ids=part, use_cache=False).logits for part in parts], 1)
        as_verl = model(**packed, attention_mask=None, use_cache=False).logits
        with_mask = model(**packed, attention_mask=torch.ones(1, 12, dtype=torch.long), use_cache=False).logits
    torch.testing.assert_close(as_verl, alone)
    assert (with_mask - alone)[:, 7:].abs().max() > 1e-3  # what transformers does where it is told of one sequence


def test_bf16_logits_are_rounded_again_by_a_temperature():
    from verl.workers.engine.fsdp.transformer_impl import _scale_logits_by_temperature

    torch.manual_seed(0)
    logits = torch.randn(64, 32_000) * 2
    logits.scatter_(1, torch.randint(0, 32_000, (64, 8)), 12 + 2 * torch.randn(64, 8))
    logits = logits.bfloat16()
    for temperature, least, most in ((0.6, 0.005, 0.05), (1.0, 0.0, 0.0)):
        given = torch.full((64, 1), temperature)
        scaled = _scale_logits_by_temperature(logits, given, is_unit_temperature=temperature == 1)
        assert scaled.dtype == torch.bfloat16
        exact = torch.log_softmax(logits.float() / temperature, -1)
        token = torch.distributions.Categorical(logits=exact).sample()[:, None]
        error = (torch.log_softmax(scaled.float(), -1) - exact).gather(1, token).abs().mean()
        assert least <= error <= most


def test_a_usual_step_is_lost_in_bf16_weights():
    for dtype, moved in ((torch.bfloat16, False), (torch.float32, True)):
        weight = torch.nn.Parameter(torch.tensor([0.02, -0.5], dtype=dtype))
        before, adam = weight.detach().clone(), torch.optim.AdamW([weight], lr=1e-6, weight_decay=0.1)
        for _ in range(100):
            weight.grad = torch.ones_like(weight)
            adam.step()
        assert (weight != before).all().item() is moved


def test_the_norm_of_the_token_sum_depends_on_the_padding():
    def loss(width, factor=None):
        mask = torch.zeros(1, width)
        mask[:, :2] = 1
        return agg_loss(torch.ones(1, width), mask, "seq-mean-token-sum-norm", loss_scale_factor=factor).item()

    assert [loss(2), loss(8)] == [1.0, 0.25]
    assert [loss(2, 8), loss(8, 8)] == [0.25, 0.25]


def test_the_weight_under_top_p_is_the_mass_that_was_kept():
    logits = torch.tensor([2.0, 1.0, 0.5, 0.0, -1.0])
    actor = torch.softmax(logits, 0)
    kept = actor.cumsum(0) - actor < 0.7  # vLLM's rule: the smallest set with at least top_p
    rollout = torch.softmax(logits.masked_fill(~kept, -torch.inf), 0)
    weight = (actor / rollout)[kept]
    torch.testing.assert_close(weight, actor[kept].sum().expand_as(weight))
    assert 0.7 <= weight[0] < 1


def test_requests_of_one_seed_sample_one_and_the_same_token():
    from vllm.v1.sample.ops.topk_topp_sampler import random_sample

    torch.manual_seed(0)
    probabilities = torch.softmax(torch.randn(1, 1000), -1).repeat(16, 1)  # of the first token after a prompt, 16 responses
    seeded = {row: torch.Generator().manual_seed(42) for row in range(16)}
    assert len(set(random_sample(probabilities.clone(), seeded).tolist())) == 1
    assert len(set(random_sample(probabilities.clone(), {}).tolist())) > 8

    def first_tokens(seed):
        torch.manual_seed(seed)
        return random_sample(probabilities.clone(), {}).tolist()

    assert first_tokens(1) == first_tokens(1) != first_tokens(2)  # two engines of one seed, at the same place


def test_sampling_settings_of_the_model_do_not_reach_a_request():
    from vllm import SamplingParams

    asked = SamplingParams(temperature=1.0, top_p=1.0, top_k=-1, repetition_penalty=1.0)
    names = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty", "frequency_penalty", "presence_penalty")
    before = [getattr(asked, name) for name in names]
    asked.update_from_generation_config({"temperature": 0.6, "top_p": 0.8, "top_k": 20, "repetition_penalty": 1.1}, 2)
    assert [getattr(asked, name) for name in names] == before == [1.0, 1.0, -1, 0.0, 1.0, 0.0, 0.0]
