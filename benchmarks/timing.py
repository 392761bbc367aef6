"""Time functions in turn, so that a drift of the machine's speed hits them alike; and make the batch they work on."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable

import torch
from torch.profiler import profile

from recipe.htpo import HTPOConfig, partition_tokens

ROWS, WIDTH = 64, 8192


def interleaved(functions: dict[str, Callable[[], None]], rounds: int = 15) -> dict[str, float]:
    """Median seconds of each function; they run one after another, `rounds` times, after one warm-up round."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for i in range(rounds + 1):
        for name, function in functions.items():
            _synchronize()
            start = time.perf_counter()
            function()
            _synchronize()
            if i:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def peak_bytes(function: Callable[[], object]) -> int:
    """Most memory the function holds at once beyond what there was before, on the GPU where there is one.

    It must have been compiled already.
    """
    if torch.cuda.is_available():
        _synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        function()
        _synchronize()
        return torch.cuda.max_memory_allocated() - before
    with profile(profile_memory=True) as recorded:
        function()
    held = peak = 0
    for event in sorted(recorded.events(), key=lambda event: event.time_range.end):
        held += event.self_cpu_memory_usage
        peak = max(peak, held)
    return peak


def machine(threads: int) -> str:
    """One line: processor, cores and how busy they are, threads, versions."""
    model = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as file:
            model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), model)
    cores = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {threads} threads"
    return f"{model}, {cores}, Python {platform.python_version()}, torch {torch.__version__}"


def _synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def make_batch(device: str = "cpu", full: int = ROWS // 2) -> dict[str, torch.Tensor]:
    """`[ROWS, WIDTH]` float32, `full` rows full and the others ragged, about 1 token in 4 outside the clip range."""
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(1, WIDTH + 1, (ROWS,), generator=generator)
    lengths[:full] = WIDTH
    old = -torch.rand(ROWS, WIDTH, generator=generator)
    correct = torch.rand(ROWS, generator=generator) < 0.5
    batch = {
        "old_log_prob": old,
        "log_prob": old + 0.2 * torch.randn(ROWS, WIDTH, generator=generator),
        "advantages": torch.where(correct, 1.0, -1.0)[:, None].expand(ROWS, WIDTH).contiguous(),
        "response_mask": torch.arange(WIDTH) < lengths[:, None],
        "entropy": torch.rand(ROWS, WIDTH, generator=generator).pow(3),
        "hard": torch.rand(ROWS, generator=generator) < 0.5,
        "correct": correct,
    }
    return {name: value.to(device) for name, value in batch.items()}


def partition(batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """HTPO's groups of the batch."""
    return partition_tokens(batch["entropy"], batch["response_mask"], batch["hard"], batch["correct"], HTPOConfig())
