"""`make gpu-check`: the pure-torch tests and the loss benchmark on a CUDA machine that has torch, PyYAML and nothing else.

The baseline is PPO-clip with dual clip written with autograd, as verl's vanilla loss is, because verl is not there.
"""

from __future__ import annotations

import importlib
import os
import platform
import sys
import traceback
import unittest
from functools import partial
from pathlib import Path

import torch

ROOT = Path(__file__).parents[1]
TESTS = sorted(".".join(path.relative_to(ROOT).with_suffix("").parts) for path in ROOT.glob("tests/*/pure/test_*.py"))


def run_tests() -> int:
    """Run every `test_*` function of tests/*/pure on the GPU; returns the number of failures."""
    os.environ["HTPO_TEST_DEVICE"] = "cuda"
    passed = failed = skipped = 0
    for module in (importlib.import_module(name) for name in TESTS):
        for name, function in vars(module).items():
            if not name.startswith("test_"):
                continue
            try:
                function()
                passed += 1
            except unittest.SkipTest:
                skipped += 1
            except Exception:
                failed += 1
                print(f"FAILED {module.__name__}.{name}\n{traceback.format_exc()}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return failed


def ppo_clip(log_prob, old_log_prob, advantages, groups, config):
    """PPO-clip with dual clip, `[B, T]`, by autograd."""
    ratio = (log_prob - old_log_prob).clamp(-20, 20).exp()
    clipped = ratio.clamp(1 - config.clip_ratio_low, 1 + config.clip_ratio_high)
    loss = torch.maximum(-advantages * ratio, -advantages * clipped)
    return torch.where(advantages < 0, torch.minimum(loss, -advantages * config.clip_ratio_c), loss)


def benchmark() -> None:
    """Print the ratio of HTPO's loss to PPO-clip by autograd, eager and compiled, and the partition's time per token."""
    from benchmarks.timing import interleaved, make_batch, partition
    from recipe.htpo import HTPOConfig, token_losses

    batch = make_batch("cuda")
    groups = partition(batch)

    def forward_backward(losses):
        log_prob = batch["log_prob"].clone().requires_grad_()
        values = losses(log_prob, batch["old_log_prob"], batch["advantages"], groups, HTPOConfig())
        ((values * batch["response_mask"]).sum() / batch["response_mask"].sum()).backward()

    functions = {"PPO-clip": partial(forward_backward, ppo_clip), "htpo": partial(forward_backward, token_losses)}
    try:
        compiled = {
            f"{name}, compiled": partial(forward_backward, torch.compile(f))
            for name, f in (("PPO-clip", ppo_clip), ("htpo", token_losses))
        }
        for function in compiled.values():
            function()
        functions |= compiled
    except Exception as error:
        print(f"not compiled: {type(error).__name__}: {str(error).splitlines()[0]}")
    functions["partition"] = partial(partition, batch)
    seconds = interleaved(functions, rounds=50)
    tokens = groups.numel()
    print(f"\n{torch.cuda.get_device_name()}, torch {torch.__version__}, {groups.shape[0]} x {groups.shape[1]} tokens, float32")
    for name in functions:
        if name == "partition":
            print(f"{name:24}{seconds[name] * 1e3:9.3f} ms  {seconds[name] / tokens * 1e9:8.2f} ns/token")
        else:
            print(f"{name:24}{seconds[name] * 1e3:9.3f} ms  {seconds[name] / seconds['PPO-clip']:8.2f} x PPO-clip")


if __name__ == "__main__":
    if not torch.cuda.is_available():
        sys.exit("error: no CUDA device is visible to torch; run this on a GPU machine")
    print(f"Python {platform.python_version()}, torch {torch.__version__}, {torch.cuda.get_device_name()}")
    failures = run_tests()
    benchmark()
    sys.exit(failures > 0)
