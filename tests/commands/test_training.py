"""The real stack from the installed wheel: a run by console command, and its page. `make test-wheel` goes on to a report."""

import json

import pytest

from tests.commands.installing import run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def test_a_run_and_its_page(bin, demo_inputs, tmp_path):
    run([bin / "token-rl-launch", "work"], tmp_path)
    local = {"RAY_ADDRESS": "local", "HF_HUB_OFFLINE": "1"}
    reward = f"reward.custom_reward_function.path={tmp_path}/work/launch/demo/reward.py"
    folder, data = tmp_path / "run", demo_inputs / "data"
    training = [
        *("+platform=cpu", "+experiment=demo", reward),
        f"actor_rollout_ref.model.path={demo_inputs}/model",
        f"data.train_files={data}/train.parquet",
        f"data.val_files={data}/val.parquet",
        f"trainer.default_local_dir={folder}/checkpoints",
        f"hydra.run.dir={folder}/hydra",
        *("trainer.total_training_steps=2", "trainer.test_freq=-1", "trainer.val_before_train=False"),
        *("data.train_batch_size=8", "actor_rollout_ref.actor.ppo_mini_batch_size=4", "trainer.token_dump.every=1"),
    ]
    run([bin / "htpo-train", *training], tmp_path, timeout=600, **local)
    (metrics,) = folder.glob("metrics-*.jsonl")
    steps = [json.loads(line) for line in metrics.read_text().splitlines()]
    assert [step["step"] for step in steps] == [1, 2]
    assert steps[-1]["data"]["actor/grad_norm"] > 0
    assert "htpo/hard_correct_high/token_share" in steps[-1]["data"]

    run([bin / "token-rl-insight", folder, "--out", "page"], tmp_path)
    assert "hard_correct_high" in (tmp_path / "page/index.html").read_text()
