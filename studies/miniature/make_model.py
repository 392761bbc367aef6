"""Make the study's model: `python -m studies.miniature.make_model OUT_DIR`. Minutes on one core.

A Qwen3 of 0.34 M parameters that reads characters, trained on random attempts at random problems (none of them a test problem):
mostly right arithmetic and hardly a strategy. Two demonstrations of ten give up after a wrong attempt.
"""

from __future__ import annotations

import random
import sys
import time

import torch

from launch.demo.make_model import make_model, make_tokenizer, padded
from studies.miniature.make_data import question, split
from studies.miniature.task import random_attempt

STEPS, BATCH = 3000, 32
SIZES = {"hidden_size": 96, "intermediate_size": 256, "num_hidden_layers": 3, "max_position_embeddings": 512}
SHARE_SOLVED = 0.8
MOST_ATTEMPTS = 3


def demonstration(rng: random.Random, held_out: set) -> tuple[str, str]:
    """A random problem and one to MOST_ATTEMPTS random attempts at it, the last of which may solve it."""
    while True:
        numbers = [rng.randint(1, 9) for _ in range(rng.choice((3, 4)))]
        attempts = [random_attempt(numbers, rng) for _ in range(rng.randint(1, MOST_ATTEMPTS))]
        solved = rng.random() < SHARE_SOLVED
        target = attempts[-1][1] if solved else random_attempt(numbers, rng)[1]
        stops_early = target in [value for _, value in attempts[:-1]]
        if target >= 10 and (tuple(sorted(numbers)), target) not in held_out and not stops_early:
            return question(tuple(numbers), target), "\n".join(text for text, _ in attempts)


def batch(tokenizer, rng: random.Random, held_out: set) -> dict[str, torch.Tensor]:
    """`[BATCH, L]` token ids, mask, and labels that are -100 at the prompt."""
    rows = []
    for prompt, response in (demonstration(rng, held_out) for _ in range(BATCH)):
        message = [{"role": "user", "content": prompt}]
        text = tokenizer.apply_chat_template(message, add_generation_prompt=True, tokenize=False)
        rows.append((tokenizer(text)["input_ids"], [*tokenizer(response)["input_ids"], tokenizer.eos_token_id]))
    return padded(rows, tokenizer.pad_token_id)


def main(out: str) -> None:
    """Build, train, save to `out` as a Hugging Face folder in fp32."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    rng = random.Random(0)
    tokenizer = make_tokenizer()
    model = make_model(tokenizer, **SIZES)
    held_out = {(tuple(sorted(numbers)), target) for _, numbers, target in split()["test"]}
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min(1, (s + 1) / 100) * max(0.01, 1 - s / STEPS))
    start = time.monotonic()
    for step in range(STEPS):
        loss = model(**batch(tokenizer, rng, held_out)).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 250 == 0:
            print(f"step {step} of {STEPS}: loss {loss.item():.3f}, {time.monotonic() - start:.0f} s", flush=True)
    tokenizer.save_pretrained(out)
    model.save_pretrained(out)
    print(f"{out}: Qwen3 with {sum(p.numel() for p in model.parameters()) / 1e6:.2f} M parameters, loss {loss.item():.3f}")


if __name__ == "__main__":
    main(sys.argv[1])
