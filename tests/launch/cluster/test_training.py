"""The real stack on two virtual hosts, with an FSDP rank and a vLLM on each: through sbatch, and through `ray job submit`."""

import os
import re
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT
from tests.training import DEMO

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800)]  # the longest, so they begin first


@pytest.fixture(scope="module")
def overrides(slurm):
    """Of a short run; {run} is its folder."""
    for script, name in (("make_model.py", "model"), ("make_data.py", "data")):
        subprocess.run([sys.executable, DEMO / script, slurm.state / name], check=True)
    return (
        *("+platform=cpu", "+experiment=demo", "trainer.logger=[console]"),
        *("trainer.test_freq=-1", "trainer.val_before_train=False"),
        *("data.train_batch_size=8", "actor_rollout_ref.actor.ppo_mini_batch_size=4"),
        f"actor_rollout_ref.model.path={slurm.state}/model",
        f"data.train_files={slurm.state}/data/train.parquet",
        f"data.val_files={slurm.state}/data/val.parquet",
        f"reward.custom_reward_function.path={DEMO}/reward.py",
    )


def in_folder(folder: Path) -> tuple[str, ...]:
    return (f"trainer.default_local_dir={folder}/checkpoints", f"hydra.run.dir={folder}/hydra")


def shards(folder: Path, step: int) -> list[str]:
    """One of the model from each rank."""
    return sorted(path.name for path in (folder / f"checkpoints/global_step_{step}/actor").glob("model_world_size_2_rank_*.pt"))


def steps(log: str) -> list[int]:
    """Those of which the log has a line with HTPO's groups."""
    return [int(step) for step in re.findall(r"step +(\d+)/\d+ .* groups ", log)]


def test_by_slurm_with_a_notice_a_requeue_and_a_resume(slurm, submit, overrides):
    folder = slurm.state / "by-slurm"
    job = submit(
        *overrides,
        *in_folder(folder),
        *("trainer.total_training_steps=6", "trainer.save_freq=6", "trainer.max_actor_ckpt_to_keep=2"),
        options=("--cpus-per-task=8", "--time=30"),
        DRIVER="",
        PREFLIGHT="true",
        RAY_GPUS=1,
        OBJECT_STORE_BYTES=500_000_000,
    )
    job.wait_for_log("step 1/6 ", 400)
    slurm.login("scancel", "--signal=USR1", "--batch", job.number)
    job.wait_for_log(", with a checkpoint of step ", 120)  # whatever it was doing when it was asked
    first = steps(job.log())
    job.wait_restarted()
    job.wait("COMPLETED", 600)
    assert first[-1] < 6  # it was stopped, not done
    assert steps(job.log()) == list(range(1, 7))
    assert f"setting global step to {first[-1]}" in job.log()
    for step in (first[-1], 6):
        assert len(shards(folder, step)) == 2
    slurm.wait_idle()
    assert slurm.left_over() == []


@pytest.fixture
def ray_cluster(slurm):
    """Ray on both hosts, started by hand with token authentication; what its users need in their environment."""
    user = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(16), "PYTHON": sys.executable}
    ray = Path(sys.executable).parent / "ray"
    try:
        for i, node in enumerate(slurm.nodes, start=1):
            address = f"10.77.0.{i}"
            head = ("--head", "--port=6379", f"--dashboard-host={address}") if i == 1 else ("--address=10.77.0.1:6379",)
            variables = {"GLOO_SOCKET_IFNAME": "eth0", "VLLM_HOST_IP": address, "PATH": f"{ray.parent}:{os.environ['PATH']}"}
            slurm.on(
                node,
                *(ray, "start", *head, f"--node-ip-address={address}", "--num-cpus=16", "--num-gpus=1"),
                *("--object-store-memory=500000000", "--disable-usage-stats"),
                env=os.environ | user | variables,
                stdout=subprocess.DEVNULL,  # which its daemons keep
                stderr=subprocess.DEVNULL,
                timeout=180,
            )
        yield user
    finally:
        for node in slurm.nodes:
            slurm.on(node, ray, "stop", "--force", timeout=120)
            slurm.on(node, "rm", "-rf", "/tmp/ray")


def test_by_ray_job_submit(slurm, ray_cluster, overrides):
    folder = slurm.state / "by-ray"
    log = slurm.login(
        *(ROOT / "launch/submit.sh", "--address", "http://10.77.0.1:8265", "--"),
        *(*overrides, *in_folder(folder), "trainer.nnodes=2", "trainer.total_training_steps=2", "trainer.save_freq=2"),
        env=os.environ | ray_cluster,
        timeout=900,
    )
    assert steps(log) == [1, 2]
    assert len(shards(folder, 2)) == 2
    shutil.rmtree(folder)
