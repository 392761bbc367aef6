"""Layer a: the pure-torch tests, and the loss and the partition beside PPO-clip, with torch, PyYAML and nothing else.

The baseline is PPO-clip with dual clip written with autograd, as verl's vanilla loss is, because verl is not there.
"""

from __future__ import annotations

import importlib
import os
import traceback
import unittest
from functools import partial
from pathlib import Path

import torch

from benchmarks.acceptance.part import run

ROOT = Path(__file__).parents[2]
TESTS = sorted(".".join(path.relative_to(ROOT).with_suffix("").parts) for path in ROOT.glob("tests/*/pure/test_*.py"))
ROUNDS = {"cuda": 50, "cpu": 3}


def run_tests(device: str) -> dict[str, int]:
    """Run every `test_*` function of tests/*/pure on the device."""
    os.environ["HTPO_TEST_DEVICE"] = device
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
    return {"a/failed": failed, "a/passed": passed}


def ppo_clip(log_prob, old_log_prob, advantages, groups, config):
    """PPO-clip with dual clip, `[B, T]`, by autograd."""
    ratio = (log_prob - old_log_prob).clamp(-20, 20).exp()
    clipped = ratio.clamp(1 - config.clip_ratio_low, 1 + config.clip_ratio_high)
    loss = torch.maximum(-advantages * ratio, -advantages * clipped)
    return torch.where(advantages < 0, torch.minimum(loss, -advantages * config.clip_ratio_c), loss)


def beside_ppo_clip(device: str) -> dict[str, float | str]:
    """HTPO's loss over PPO-clip by autograd, eager and compiled; the partition's time per token."""
    from benchmarks.timing import interleaved, make_batch, partition, peak_bytes
    from recipe.htpo import HTPOConfig, token_losses

    batch = make_batch(device)
    groups = partition(batch)

    def forward_backward(losses):
        log_prob = batch["log_prob"].clone().requires_grad_()
        values = losses(log_prob, batch["old_log_prob"], batch["advantages"], groups, HTPOConfig())
        ((values * batch["response_mask"]).sum() / batch["response_mask"].sum()).backward()

    def timed(functions):
        seconds = interleaved(functions, rounds=ROUNDS[device])
        for name, value in seconds.items():
            print(f"{name:12}{value * 1e3:9.3f} ms")
        return seconds

    print(f"{groups.shape[0]} x {groups.shape[1]} tokens, float32, eager")
    functions = {"PPO-clip": partial(forward_backward, ppo_clip), "HTPO": partial(forward_backward, token_losses)}
    seconds = timed(functions | {"partition": partial(partition, batch)})
    found = {
        "a/loss": seconds["HTPO"] / seconds["PPO-clip"],
        "a/partition_ns": seconds["partition"] / groups.numel() * 1e9,
        "a/memory": "counted on CUDA only",
        "a/loss_compiled": "compiled on CUDA only",
    }
    if device == "cuda":
        found["a/memory"] = peak_bytes(functions["HTPO"]) / peak_bytes(functions["PPO-clip"])
        try:
            compiled = {
                name: partial(forward_backward, torch.compile(losses))
                for name, losses in (("PPO-clip", ppo_clip), ("HTPO", token_losses))
            }
            seconds = timed(compiled)
            found["a/loss_compiled"] = seconds["HTPO"] / seconds["PPO-clip"]
        except Exception as error:  # a machine without a C compiler
            found["a/loss_compiled"] = f"not compiled: {type(error).__name__}: {str(error).splitlines()[0]}"
    return found


def measure(options: dict, put) -> None:
    """All of the part."""
    put(run_tests(options["device"]))
    put(beside_ppo_clip(options["device"]))


if __name__ == "__main__":
    run(measure)
