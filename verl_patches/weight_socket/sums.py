"""What one end of the weight sync sent, or the other has then: two sums over all weights, to see that they are the same.

Switched on by a variable with a folder's path; off otherwise, since it reads all weights at each sync. The sums are those of
the values and of their squares, in float64, of the weights in the rollout's dtype: vLLM fuses layers, which moves weights and
does not change these. For one tensor-parallel rank, without LoRA or quantisation.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import torch

FOLDER = "VERL_PATCHES_WEIGHT_SUMS"


def folder() -> Path | None:
    """Where the sums are written; None if nobody wants them."""
    return Path(os.environ[FOLDER]) if os.environ.get(FOLDER) else None


class Sums:
    """Of the tensors that were added."""

    def __init__(self):
        self.values, self.squares = [], []

    def add(self, tensor: torch.Tensor) -> None:
        self.values.append(tensor.sum(dtype=torch.float64))
        self.squares.append(torch.linalg.vector_norm(tensor, dtype=torch.float64).square())

    def write(self, kind: str) -> None:
        """One line more in this process's file. kind: `sent` or `held`."""
        line = [torch.stack(found).sum().item() for found in (self.values, self.squares)]
        with (folder() / f"{kind}-{os.getpid()}.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")


def distance(where: Path) -> float:
    """The largest relative distance, at any sync, of what vLLM workers held from what was sent; NaN if nothing was.

    Each process has a file of its own, and an attempt's processes end with it; all that hold at a sync got what was sent then.
    """
    sent, held = ([_read(path) for path in sorted(where.glob(f"{kind}-*.jsonl"))] for kind in ("sent", "held"))
    if not sent or not held:
        return float("nan")
    return max(min(_apart(found, of) for of in sent) for found in held)


def _read(path: Path) -> list[list[float]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def _apart(held: list[list[float]], sent: list[list[float]]) -> float:
    """Sync by sync; a run that was killed between the two ends has one line more at one of them, and no pair has more."""
    if abs(len(held) - len(sent)) > 1:
        return math.inf
    size = max(squares for _, squares in sent) ** 0.5
    pairs = [
        (h, s) for held_line, sent_line in zip(held, sent, strict=False) for h, s in zip(held_line, sent_line, strict=True)
    ]
    return max(abs(h - s) for h, s in pairs) / size
