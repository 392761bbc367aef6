"""Make a tiny Qwen3 that adds single digits mostly wrong: `python -m launch.demo.make_model OUT_DIR`. Seconds on CPU.

A character tokenizer with a chat template, 0.3 M parameters, and a short supervised warm start that teaches the format of
an answer but, in 6 cases of 10, the wrong one (a + b + 1), so that reinforcement learning has something to find.
Simplified: no held-out sums (all 100 are seen), no validation; what counts is measured later by verl's driver.
"""

from __future__ import annotations

import random
import sys

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

SIZES = {"hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 2, "max_position_embeddings": 2048}
SHARE_RIGHT = 0.4
STEPS = 250
BATCH = 128

CHAT_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def make_tokenizer() -> PreTrainedTokenizerFast:
    """One token a character, plus the three special tokens of Qwen's chat format."""
    characters = "0123456789+-*/=() \n?.,:ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz\\{}$"
    words = [*characters, "<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    core = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<|endoftext|>"))
    core.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    core.decoder = decoders.Fuse()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>"],
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def make_model(tokenizer: PreTrainedTokenizerFast, **sizes: int) -> Qwen3ForCausalLM:
    """A Qwen3 with random weights; the vocabulary is exactly the tokenizer's, as vLLM and verl require."""
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,  # vLLM on CPU wants a multiple of it
        **sizes,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )
    return Qwen3ForCausalLM(config)


def tokenized_sums(tokenizer: PreTrainedTokenizerFast) -> list[tuple[list[int], list[int], list[int]]]:
    """Token ids of (prompt, right reply, wrong reply) for all 100 sums."""

    def reply(answer: int) -> list[int]:
        return [*tokenizer(str(answer))["input_ids"], tokenizer.eos_token_id]

    sums = []
    for a, b in ((a, b) for a in range(10) for b in range(10)):
        question = [{"role": "user", "content": f"{a}+{b}=?"}]
        prompt = tokenizer.apply_chat_template(question, add_generation_prompt=True, tokenize=False)
        sums.append((tokenizer(prompt)["input_ids"], reply(a + b), reply(a + b + 1)))
    return sums


def random_batch(sums: list, pad: int, rng: random.Random) -> dict[str, torch.Tensor]:
    """`[BATCH, L]` token ids, mask and labels (-100 at the prompt) of random sums with their often wrong answers."""
    rows = []
    for prompt, right, wrong in rng.choices(sums, k=BATCH):
        rows.append((prompt, right if rng.random() < SHARE_RIGHT else wrong))
    return padded(rows, pad)


def padded(rows: list[tuple[list[int], list[int]]], pad: int) -> dict[str, torch.Tensor]:
    """`[B, L]` token ids, mask and labels (-100 at the prompt) of (prompt, reply)."""
    length = max(len(prompt) + len(reply) for prompt, reply in rows)
    gaps = [(p, r, length - len(p) - len(r)) for p, r in rows]
    return {
        "input_ids": torch.tensor([p + r + [pad] * n for p, r, n in gaps]),
        "attention_mask": torch.tensor([[1] * (length - n) + [0] * n for _, _, n in gaps]),
        "labels": torch.tensor([[-100] * len(p) + r + [-100] * n for p, r, n in gaps]),
    }


def main(out: str) -> None:
    """Build, warm up, save to `out` as a Hugging Face folder in fp32."""
    torch.manual_seed(0)
    torch.set_num_threads(1)  # the matrices are small, and threads that wait for each other on a busy machine cost minutes
    rng = random.Random(0)
    tokenizer = make_tokenizer()
    model = make_model(tokenizer, **SIZES)
    sums = tokenized_sums(tokenizer)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min(1, (s + 1) / 20) * max(0.02, 1 - s / STEPS))
    for _ in range(STEPS):
        loss = model(**random_batch(sums, tokenizer.pad_token_id, rng)).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    tokenizer.save_pretrained(out)
    model.save_pretrained(out)
    parameters = sum(p.numel() for p in model.parameters())
    print(f"{out}: Qwen3 with {parameters / 1e6:.1f} M parameters, warm-start loss {loss.item():.2f}")


if __name__ == "__main__":
    main(sys.argv[1])
