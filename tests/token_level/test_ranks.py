"""The registered loss under real FSDP2 over gloo: 1 and 2 ranks give the same loss, gradient and metrics."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT

ROWS = 8
INPUTS = ("entropy", "response_mask", "hard", "correct")


def method(name):
    """(settings, registered loss, its token field of a batch, sums to ratios) of a recipe."""
    if name == "htpo":
        from recipe.htpo import HTPOConfig, partition_tokens
        from recipe.htpo.metrics import loss_ratios
        from recipe.htpo.plugin import compute_policy_loss_htpo

        def fields(b):
            return {"token_groups": partition_tokens(*(b[k] for k in INPUTS), HTPOConfig())}

        return HTPOConfig(), compute_policy_loss_htpo, fields, loss_ratios

    from recipe.hapo import HAPOConfig, entropy_score, entropy_statistics
    from recipe.hapo.metrics import loss_ratios
    from recipe.hapo.plugin import compute_policy_loss_hapo

    def fields(b):
        statistics = entropy_statistics(b["entropy"], b["response_mask"], HAPOConfig())
        return {"entropy_score": entropy_score(b["entropy"], statistics)}

    return HAPOConfig(clip_ratio_high=0.28), compute_policy_loss_hapo, fields, loss_ratios


def worker(name, rank, world_size, port, out):
    import torch
    import torch.distributed as dist
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard
    from verl.utils.metric import AggregationType, Metric
    from verl.workers.config import FSDPActorConfig

    from recipe.token_level.context import LossInputs, handing_loss
    from tests.pure_support import random_batch

    settings, compute_loss, fields, loss_ratios = method(name)
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), RANK=str(rank), WORLD_SIZE=str(world_size))
    dist.init_process_group("gloo")
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(5, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1)).double()
    fully_shard(model, mesh=init_device_mesh("cpu", (world_size,)))

    batch = random_batch(rows=ROWS, width=32)
    batch |= fields(batch)  # on the driver, of the whole batch
    features = torch.randn(ROWS, 32, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    config = FSDPActorConfig(
        rollout_n=8,
        ppo_micro_batch_size_per_gpu=1,
        clip_ratio_high=0.28,
        clip_ratio_c=10.0,
    )
    # As verl's engine does it: the loss is normalised by the tokens of the whole batch, FSDP averages over ranks.
    tokens = int(batch["response_mask"].sum())
    config.global_batch_info.update(dp_size=world_size, batch_num_tokens=tokens, global_batch_size=ROWS, loss_scale_factor=None)

    total, sums = 0.0, {}
    for row in range(rank, ROWS, world_size):  # each rank its rows, in micro-batches of one
        part = {name: value[row : row + 1] for name, value in batch.items()}
        log_prob = part["log_prob"] + 0.3 * model(features[row : row + 1]).squeeze(-1)
        with handing_loss(LossInputs(settings, part)) as inputs:
            loss, _ = compute_loss(
                part["old_log_prob"], log_prob, part["advantages"], part["response_mask"], "token-mean", config
            )
        loss.backward()
        total += loss.item()
        for name, value in inputs.sums.items():
            sums.setdefault(name, Metric(AggregationType.SUM)).append(value)

    gradient = torch.cat([p.grad.full_tensor().flatten() for p in model.parameters()])
    gathered = [None] * world_size
    dist.all_gather_object(gathered, (total, sums))
    if rank == 0:
        ratios = loss_ratios({name: Metric.aggregate_dp([s[name] for _, s in gathered]) for name in sums})
        loss = sum(part for part, _ in gathered) / world_size
        Path(out).write_text(json.dumps({"loss": loss, "gradient": gradient.tolist(), "ratios": ratios}))
    dist.destroy_process_group()


def run(name, world_size, out):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    ranks = [
        subprocess.Popen(
            [sys.executable, "-m", __name__, name, str(rank), str(world_size), str(port), out], cwd=ROOT, env=environment
        )
        for rank in range(world_size)
    ]
    assert [rank.wait(timeout=120) for rank in ranks] == [0] * world_size
    return json.loads(Path(out).read_text())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["htpo", "hapo"])
def test_one_and_two_ranks_agree(name, tmp_path):
    one, two = (run(name, n, str(tmp_path / f"{n}.json")) for n in (1, 2))
    assert two["loss"] == pytest.approx(one["loss"], rel=1e-10)
    assert two["gradient"] == pytest.approx(one["gradient"], rel=1e-9, abs=1e-13)
    assert max(map(abs, one["gradient"])) > 1e-3
    assert two["ratios"] == pytest.approx(one["ratios"], rel=1e-5)


if __name__ == "__main__":
    worker(sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5])
