"""Tokenizers as real models have them, trained here: byte-level BPE, special tokens, a chat template, several ends."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from launch.demo.make_model import SIZES, make_model

TEXTS = [
    *(f"What is {a} + {b}? Let $x = {a}$, then \\boxed{{{a + b}}} is the answer.\n" for a in range(30) for b in range(9)),
    *("求方程的解。", "答案是 \\boxed{7}。\n", "Naïve Größe: π ≈ 3.14, ∀x.\n", "<think>\nHm.\n</think>\n\n") * 20,
]
# How Qwen and Llama 3 cut a text into words, shortened: letters with the space before them, digits, signs, white space.
WORDS = r"'s|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+"
CHATML = (
    "{%- if messages[0].role != 'system' %}<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}"
    "{%- for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{%- if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LLAMA = (
    "{{- bos_token }}"
    "{%- for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n{{ m.content | trim }}<|eot_id|>{%- endfor %}"
    "{%- if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
QWEN_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
LLAMA_TOKENS = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>", "<|eot_id|>"]


def trained(normalizer=None) -> Tokenizer:
    """Some 370 tokens, the 256 bytes among them."""
    core = Tokenizer(models.BPE())
    core.normalizer = normalizer
    bytewise = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    core.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(WORDS), "isolated"), bytewise])
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    core.train_from_iterator(TEXTS, trainers.BpeTrainer(vocab_size=500, initial_alphabet=alphabet, show_progress=False))
    return core


@cache
def _qwen() -> str:
    core = trained(normalizers.NFC())
    core.add_special_tokens(QWEN_TOKENS)
    return core.to_str()


def qwen(end: str = "<|im_end|>") -> PreTrainedTokenizerFast:
    """Like Qwen's: no token at the start, ChatML; the base models end at <|endoftext|>, with the same template."""
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(_qwen()),
        eos_token=end,
        pad_token="<|endoftext|>",
        chat_template=CHATML,
    )
    tokenizer.add_tokens(["<think>", "</think>"])  # no special ones: they stay in the text
    return tokenizer


@cache
def _llama() -> str:
    core = trained()
    core.add_special_tokens(LLAMA_TOKENS)
    start = "<|begin_of_text|>"
    core.post_processor = processors.TemplateProcessing(single=f"{start} $A", special_tokens=[(start, core.token_to_id(start))])
    return core.to_str()


def llama() -> PreTrainedTokenizerFast:
    """Like Llama 3's: every text gets <|begin_of_text|>, also by the template; no padding token, several ends."""
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(_llama()),
        bos_token="<|begin_of_text|>",
        eos_token="<|eot_id|>",
        chat_template=LLAMA,
    )


# Name: the tokenizer, and the tokens in the eos_token_id of its generation_config.json.
REAL = {
    "Qwen": (qwen, ["<|im_end|>", "<|endoftext|>"]),
    "Llama 3": (llama, ["<|end_of_text|>", "<|eom_id|>", "<|eot_id|>"]),
}


def save_model(folder: Path, name: str, **settings) -> PreTrainedTokenizerFast:
    """A model of random weights with one of REAL, its embedding padded to a multiple of 16, as a Hugging Face folder.

    settings: of generation_config.json.
    """
    make, ends = REAL[name]
    tokenizer = make()
    tokenizer.save_pretrained(folder)
    model = make_model(tokenizer, **SIZES)
    model.resize_token_embeddings(len(tokenizer), pad_to_multiple_of=16)
    model.save_pretrained(folder)
    given = {"eos_token_id": tokenizer.convert_tokens_to_ids(ends)} | settings
    (folder / "generation_config.json").write_text(json.dumps(given))
    return tokenizer
