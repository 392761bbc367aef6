"""`python -m benchmarks.driver`: what HTPO and HAPO add to a step on the driver, beside verl's own advantage step with GRPO.

`--full` has the size of HTPO's paper: 2,048 responses of 6,700 tokens in the mean and at most 20,480. The steps are verl's and
this project's own, between a fetch and a write of rows; the queue is a stand-in in this process that makes nested tensors of
rows and rows of nested tensors, as TransferQueue does, or with `--ray` TransferQueue itself. Memory is the peak of a process
that does one step only, less that of one that does none.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from unittest import mock

os.environ.setdefault("VERL_PLATFORM", "cpu")
os.environ.setdefault("VERL_USE_EXTERNAL_MODULES", "verl_patches.cpu,recipe.htpo.plugin,recipe.hapo.plugin")

import torch
import transfer_queue as tq
from omegaconf import OmegaConf
from tensordict import TensorDict
from tensordict.tensorclass import NonTensorStack
from verl.trainer.ppo import core_algos

from benchmarks.rows import measured
from benchmarks.timing import interleaved, machine
from recipe.hapo import HAPOConfig
from recipe.htpo import HTPOConfig, partition_tokens
from recipe.htpo.metrics import partition_metrics

THREADS = 2
METHODS = {"htpo": HTPOConfig(), "hapo": HAPOConfig()}
STEPS = ("verl", *METHODS)
GOALS = {"htpo": 0.15, "hapo": 0.2}
PARTITION = "timing_s/token_partition"  # in the step's metrics: labels, check, partition and its metrics


@dataclass(frozen=True)
class Size:
    """How many prompts of 16 responses, and tokens of a response: in the mean, and at most."""

    prompts: int
    mean: int
    longest: int


SMALL, FULL = Size(32, 1_700, 8_192), Size(128, 6_700, 20_480)


def lengths_of(size: Size) -> torch.Tensor:
    """`[B]`, long-tailed, some cut off at the longest."""
    draws = torch.distributions.Gamma(torch.tensor(1.6), torch.tensor(1.0)).sample((16 * size.prompts,))
    lengths = (draws / draws.mean() * size.mean * 1.02).long().clamp(1, size.longest)
    lengths[0] = size.longest
    return lengths


def nested(values: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """`[B, j]` of the values of all tokens."""
    offsets = torch.cat([torch.zeros(1, dtype=torch.long), lengths.cumsum(0)])
    return torch.nested.nested_tensor_from_jagged(values, offsets, max_seqlen=int(lengths.max()))


def entropies(lengths: torch.Tensor) -> torch.Tensor:
    """Nested, mostly small, a sixth of them 0 as those of a policy in bfloat16 are."""
    values = torch.rand(int(lengths.sum())).pow(3)
    return nested(values.sub_(0.005).clamp_(min=0), lengths)


def batch_of(size: Size) -> tuple[list[str], TensorDict]:
    """Row keys, and what TransferQueue holds of these rows before the advantage step."""
    torch.manual_seed(0)
    lengths = lengths_of(size)
    tokens, rows = int(lengths.sum()), len(lengths)
    keys = [f"{prompt:032x}_{session}_0" for prompt in range(size.prompts) for session in range(16)]
    right = (torch.rand(size.prompts, 16) < torch.rand(size.prompts, 1)).flatten().double()
    rewards = torch.zeros(tokens)
    rewards[lengths.cumsum(0) - 1] = right.float()
    fields = {
        "response_mask": nested(torch.ones(tokens, dtype=torch.long), lengths),
        "rm_scores": nested(rewards, lengths),
        "rollout_log_probs": nested(-torch.rand(tokens), lengths),
        "old_log_probs": nested(-torch.rand(tokens), lengths),
        "entropy": entropies(lengths),
        "uid": NonTensorStack(*(key.rsplit("_", 2)[0] for key in keys)),
        "extra_fields": NonTensorStack(*({"reward_extra_info": {"acc": acc}} for acc in right.tolist())),
    }
    return keys, TensorDict(fields, batch_size=rows)


@contextmanager
def stand_in(rows: TensorDict):
    """TransferQueue's two calls, over rows in this process."""
    held = {name: list(value.unbind() if isinstance(value, torch.Tensor) else value) for name, value in rows.items()}

    def get(keys, partition_id, select_fields):
        fields = {}
        for name in (name for name in select_fields if name in held):
            tensors = isinstance(held[name][0], torch.Tensor)
            fields[name] = (
                torch.nested.as_nested_tensor(held[name], layout=torch.jagged) if tensors else NonTensorStack(*held[name])
            )
        return TensorDict(fields, batch_size=len(keys))

    def put(keys, partition_id, fields):
        for value in fields.values():
            [row.numpy().tobytes() for row in value.unbind()]
        return tq.KVBatchMeta(keys=keys, tags=[{}] * len(keys), partition_id=partition_id)

    with mock.patch.object(tq, "kv_batch_get", get), mock.patch.object(tq, "kv_batch_put", put):
        yield


@contextmanager
def transfer_queue(keys: list[str], rows: TensorDict):
    """TransferQueue itself, on a Ray of its own."""
    import ray

    ray.init(num_cpus=THREADS, include_dashboard=False, log_to_driver=False)
    try:
        tq.init()
        tq.kv_batch_put(keys=keys, partition_id="train", fields=rows)
        yield
    finally:
        tq.close()
        ray.shutdown()


def trainer_of(method: str, estimator: str, longest: int):
    """This project's trainer for the method, of which nothing is started."""
    from recipe.token_level.trainer import TokenLevelTrainer

    trainer = object.__new__(type("Trainer", (TokenLevelTrainer,), dict.fromkeys(TokenLevelTrainer.__abstractmethods__)))
    trainer.config = OmegaConf.create(
        {
            "algorithm": {"adv_estimator": estimator, "gamma": 1.0, "lam": 1.0, "use_kl_in_reward": False},
            "actor_rollout_ref": {"rollout": {"n": 16, "response_length": longest}},
            "data": {"max_response_length": longest},
        }
    )
    trainer.method = import_module(f"recipe.{method}.method").__dict__[method.upper()]
    trainer.settings, trainer.timing_raw = METHODS[method], {}
    return trainer


class Stopwatch:
    """Seconds spent in a function since `reset`."""

    def __init__(self, function) -> None:
        self.function, self.seconds = function, 0.0

    def __call__(self, *args, **kwargs):
        start = time.perf_counter()
        try:
            return self.function(*args, **kwargs)
        finally:
            self.seconds += time.perf_counter() - start


def one_step(name: str, keys: list[str], longest: int) -> dict[str, float]:
    """Seconds of one advantage step: the whole; for a method its own part, and what that is made of."""
    from verl_patches.trainer_hooks import HookedTrainer

    meta = tq.KVBatchMeta(keys=list(keys), tags=[{}] * len(keys), partition_id="train")
    verls = Stopwatch(HookedTrainer.advantage_step)
    if name == "verl":
        verls(trainer_of("htpo", "grpo", longest), meta, {})
        return {"step": verls.seconds}
    trainer, metrics = trainer_of(name, name, longest), {}
    estimator = Stopwatch(core_algos.get_adv_estimator_fn(name))
    whole = Stopwatch(trainer.advantage_step)
    hooked = mock.patch.object(HookedTrainer, "advantage_step", lambda *args: verls(*args))
    with hooked, mock.patch.dict(core_algos.ADV_ESTIMATOR_REGISTRY, {name: estimator}):
        whole(meta, metrics)
    return {
        "step": whole.seconds,
        "own": whole.seconds - verls.seconds + estimator.seconds,
        "fetch": trainer.timing_raw["fetch_estimator_inputs"],
        "send": trainer.timing_raw["send_token_fields"],
        "estimator": estimator.seconds,
        "partition": metrics.get(PARTITION, 0.0),
    }


def steps(size: Size, rounds: int, with_ray: bool) -> None:
    """Print the steps' seconds and their ratios to verl's."""
    keys, rows = batch_of(size)
    tokens = int(rows["entropy"].offsets()[-1])
    print(f"\n{len(keys):,} responses, {tokens:,} tokens, at most {size.longest:,} a response; medians of {rounds} rounds")
    taken_of: dict[str, list[dict[str, float]]] = {name: [] for name in STEPS}
    with transfer_queue(keys, rows) if with_ray else stand_in(rows):
        for i in range(rounds + 1):
            for name in STEPS:
                seconds = one_step(name, keys, size.longest)
                if i:
                    taken_of[name].append(seconds)
    medians = {name: {part: statistics.median(x[part] for x in taken) for part in taken[0]} for name, taken in taken_of.items()}
    verl = medians["verl"]["step"]
    print(f"advantage step of verl with GRPO: {verl:.3f} s")
    for name, goal in GOALS.items():
        mine = medians[name]
        added = statistics.median(x["step"] - v["step"] for x, v in zip(taken_of[name], taken_of["verl"], strict=True))
        parts = ", ".join(f"{part} {mine[part]:.3f} s" for part in ("fetch", "estimator", "partition", "send") if mine[part])
        print(f"{name}: {parts}; its step less verl's {added:.3f} s")
        own = f"{name.upper()}'s own work on the driver over verl's advantage step"
        measured(own, mine["own"] / verl, "x", goal if size == FULL else None)
    goal = 20 if size == FULL else None
    measured("HTPO's partition on the driver, with its metrics", medians["htpo"]["partition"] / tokens * 1e9, "ns/token", goal)


def memory(size_name: str) -> None:
    """Print each step's peak."""
    peaks = {}
    for name in ("none", *STEPS):
        command = [sys.executable, "-m", "benchmarks.driver", "--peak", name, *(["--full"] if size_name == "full" else [])]
        peaks[name] = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])
    print(f"peak memory of verl's advantage step: {(peaks['verl'] - peaks['none']) / 2**20:.2f} GiB")
    for name in METHODS:
        measured(f"{name.upper()}'s advantage step, peak memory beyond verl's", (peaks[name] - peaks["verl"]) / 2**20, "GiB", 1)


def peak(name: str, size: Size) -> None:
    """Print the KiB that this process has held at most, with one step or none."""
    keys, rows = batch_of(size)
    with stand_in(rows):
        if name != "none":
            one_step(name, keys, size.longest)
    with open("/proc/self/status") as file:  # not getrusage, which begins with the peak of the process that started this one
        print(next(line.split()[1] for line in file if line.startswith("VmHWM")))


def partition_alone(entropy: torch.Tensor, mask: torch.Tensor, config: HTPOConfig) -> torch.Tensor:
    """Groups of a nested tensor of entropies."""
    rows = len(entropy.offsets()) - 1
    hard, correct = torch.arange(rows) % 2 == 0, torch.arange(rows) % 4 < 2
    return partition_tokens(entropy, mask, hard, correct, config)


def partition_with_metrics(entropy: torch.Tensor, mask: torch.Tensor, config: HTPOConfig) -> None:
    """Groups and their metrics."""
    partition_metrics(partition_alone(entropy, mask, config), entropy)


def scaling(full: bool, rounds: int) -> None:
    """Print the partition's time per token over lengths and numbers of responses."""
    total = 4_200_000 if full else 1_000_000
    counts = (256, 1_024, 4_096, 16_384) if full else (256, 2_048)
    shapes = [(max(total // length, 1), length) for length in ((256, 1_024, 4_096, 16_384, 32_768) if full else (256, 2_048))]
    shapes += [(rows, 2_048) for rows in counts]
    config, functions, tokens = HTPOConfig(), {}, {}
    for rows, length in shapes:
        lengths = torch.randint(length // 2, length + length // 2 + 1, (rows,))
        entropy, mask = entropies(lengths), torch.arange(int(lengths.max())) < lengths.unsqueeze(1)
        for label, function in (("", partition_alone), (" with metrics", partition_with_metrics)):
            name = f"partition{label}, {rows:,} responses of {length:,}"
            functions[name], tokens[name] = partial(function, entropy, mask, config), int(lengths.sum())
    for name, seconds in interleaved(functions, rounds).items():
        measured(name, seconds / tokens[name] * 1e9, "ns/token", (20 if "metrics" in name else 8) if full else None)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.driver", description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="at the paper's size: some minutes, 6 GB of memory")
    parser.add_argument("--ray", action="store_true", help="with TransferQueue itself")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peak", choices=("none", *STEPS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(THREADS)
    size = FULL if options.full else SMALL
    if options.peak:
        peak(options.peak, size)
        return
    print(machine(THREADS))
    steps(size, options.rounds, options.ray)
    memory("full" if options.full else "small")
    scaling(options.full, options.rounds)


if __name__ == "__main__":
    main()
