"""`python -m benchmarks.rivals`: each rival's loss over verl's vanilla loss, and its estimator over HTPO's."""

from __future__ import annotations

import os
from functools import partial

os.environ.setdefault("VERL_PLATFORM", "cpu")

import numpy as np
import torch
from verl.trainer.config import AlgoConfig
from verl.trainer.ppo.core_algos import get_policy_loss_fn
from verl.workers.config import FSDPActorConfig, PolicyLossConfig

from benchmarks.loss import CLIP_RANGE
from benchmarks.rows import measured
from benchmarks.timing import interleaved, machine, make_batch, partition
from recipe.htpo import HTPOConfig
from recipe.htpo.plugin import compute_htpo_advantage
from recipe.token_level.context import EstimatorInputs, LossInputs, handing_estimator, handing_loss

THREADS = 2
VERLS = ("vanilla", "clip_cov", "kl_cov", "gspo", "sapo", "geo_mean", "dppo_tv", "dppo_kl", "gpg", "dro", "cispo")
TABLES = ("htpo", "dapo", "forking_tokens", "cispo", "archer")
ESTIMATORS = (
    {},
    *({"high_entropy_by": by} for by in ("batch", "random")),
    *({"advantage": name} for name in ("gtpo", "edge_grpo")),
)


def loss(batch, name: str, table: str, groups) -> None:
    """Forward and backward of a registered loss."""
    policy_loss = PolicyLossConfig(loss_mode=name, dro_beta=1.0)
    config = FSDPActorConfig(rollout_n=8, ppo_micro_batch_size_per_gpu=1, policy_loss=policy_loss, **CLIP_RANGE)
    log_prob = batch["log_prob"].clone().requires_grad_()
    rest = (batch["old_log_prob"], log_prob, batch["advantages"], batch["response_mask"])
    with handing_loss(LossInputs(HTPOConfig(objectives=table), {"token_groups": groups})):
        get_policy_loss_fn(name)(*rest, "token-mean", config)[0].backward()


def estimate(batch, settings: HTPOConfig) -> None:
    """The registered estimator of a batch with eight responses to a prompt."""
    rows = len(batch["correct"])
    keys = [f"p{i // 8}_{i % 8}_0" for i in range(rows)]
    rewards = torch.zeros_like(batch["entropy"])
    rewards[:, 0] = batch["correct"].float()
    acc = batch["correct"].double().numpy()
    inputs = EstimatorInputs(settings, keys, np.zeros(rows, dtype=bool), batch["entropy"], acc)
    with handing_estimator(inputs):
        compute_htpo_advantage(rewards, batch["response_mask"].long(), config=AlgoConfig())


def main() -> None:
    """Print the ratios."""
    torch.set_num_threads(THREADS)
    batch = make_batch()
    groups = partition(batch)
    losses = {name: partial(loss, batch, name, "htpo", groups) for name in VERLS}
    losses |= {f"objectives={table}": partial(loss, batch, "htpo", table, groups) for table in TABLES}
    estimators = {str(its or "HTPO"): partial(estimate, batch, HTPOConfig(**its)) for its in ESTIMATORS}
    print(machine(THREADS))
    for what, functions, base in (
        ("loss over verl's vanilla", losses, "vanilla"),
        ("estimator over HTPO's", estimators, "HTPO"),
    ):
        seconds = interleaved(functions, rounds=9)
        for name in functions:
            measured(f"{what}: {name}", seconds[name] / seconds[base], "x")


if __name__ == "__main__":
    main()
