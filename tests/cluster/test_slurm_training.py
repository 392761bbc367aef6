"""The real stack through launch/slurm/train.sbatch: two virtual hosts, with an FSDP rank and a vLLM on each."""

import re
import subprocess
import sys

import pytest

from tests.training import DEMO

pytestmark = pytest.mark.cluster


def test_training_on_two_hosts(slurm, submit):
    for script, name in (("make_model.py", "model"), ("make_data.py", "data")):
        subprocess.run([sys.executable, DEMO / script, slurm.state / name], check=True)
    job = submit(
        *("+platform=cpu", "+experiment=demo", "trainer.total_training_steps=2", "trainer.logger=[console]"),
        *("trainer.test_freq=-1", "trainer.val_before_train=False", "trainer.save_freq=2"),
        *("data.train_batch_size=8", "actor_rollout_ref.actor.ppo_mini_batch_size=4"),
        f"actor_rollout_ref.model.path={slurm.state}/model",
        f"data.train_files={slurm.state}/data/train.parquet",
        f"data.val_files={slurm.state}/data/val.parquet",
        f"reward.custom_reward_function.path={DEMO}/reward.py",
        f"trainer.default_local_dir={slurm.state}/checkpoints",
        f"hydra.run.dir={slurm.state}/hydra",
        options=("--cpus-per-task=8", "--time=20"),
        DRIVER="",
        PREFLIGHT="true",
        RAY_GPUS=1,
        OBJECT_STORE_BYTES=500_000_000,
    )
    job.wait("COMPLETED", 900)
    assert re.search(r"step:2 .*htpo/hard_prompt_share", job.log())
    # One shard of the model from each host's rank.
    assert len(list((slurm.state / "checkpoints/global_step_2/actor").glob("model_world_size_2_rank_*.pt"))) == 2
    slurm.wait_idle()
    assert slurm.left_over() == []
