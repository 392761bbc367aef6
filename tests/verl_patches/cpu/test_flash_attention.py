"""The stand-in for FlashAttention gives the model's own numbers, padded and one sequence after the other."""

import pytest
import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from verl_patches.cpu.flash_attention import flash_attn_varlen_func

LENGTHS = (5, 1, 7)


@pytest.fixture
def models():
    """The same weights with transformers' plain attention and with the stand-in."""

    def built(attention):
        torch.manual_seed(0)
        config = Qwen3Config(
            vocab_size=50, hidden_size=64, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, head_dim=16
        )
        config.num_key_value_heads = 2
        config._attn_implementation = attention
        return Qwen3ForCausalLM(config).double().eval()

    return built("eager"), built("flash_attention_2")


def test_rows_with_padding(models):
    tokens = torch.randint(50, (3, max(LENGTHS)), generator=torch.Generator().manual_seed(1))
    mask = (torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]).long()
    plain, ours = (model(tokens, attention_mask=mask).logits[mask.bool()] for model in models)
    torch.testing.assert_close(ours, plain, rtol=1e-6, atol=1e-7)


def test_sequences_one_after_the_other_do_not_see_each_other(models):
    plain, ours = models
    rows = [torch.randint(50, (1, length), generator=torch.Generator().manual_seed(length)) for length in LENGTHS]
    positions = torch.cat([torch.arange(length) for length in LENGTHS]).unsqueeze(0)
    packed = ours(torch.cat(rows, 1), position_ids=positions).logits
    torch.testing.assert_close(packed, torch.cat([plain(row).logits for row in rows], 1), rtol=1e-6, atol=1e-7)


def test_causal_attention_between_different_lengths_is_refused():
    x = torch.zeros(3, 1, 4)
    with pytest.raises(ValueError, match="same lengths"):
        flash_attn_varlen_func(x, x, x, torch.tensor([0, 1, 3]), torch.tensor([0, 2, 3]), 2, 2, causal=True)
