"""What the preflight's tests share: the demo's arguments and the look at a result."""

import re

from recipe.hapo.method import HAPO
from recipe.htpo.method import HTPO
from tests import ROOT

METHODS = {"htpo": HTPO, "hapo": HAPO}
ACTOR, ROLLOUT = "actor_rollout_ref.actor", "actor_rollout_ref.rollout"
EIGHT = "trainer.n_gpus_per_node=8"


def arguments(inputs, folder, platform="cpu"):
    """The demo's command line; without the platform it is that of the shipped configs."""
    cpu = ["+platform=cpu", "+experiment=demo"] if platform == "cpu" else []
    return [
        *cpu,
        f"actor_rollout_ref.model.path={inputs}/model",
        f"data.train_files={inputs}/data/train.parquet",
        f"data.val_files={inputs}/data/val.parquet",
        f"reward.custom_reward_function.path={ROOT}/launch/demo/reward.py",
        f"trainer.default_local_dir={folder}/checkpoints",
    ]


def check(result, status, finding="", mend=""):
    """Status, and patterns that finding and mend must have."""
    assert result.status == status, result
    assert re.search(finding, result.finding), result.finding
    assert re.search(mend, result.mend), result.mend
    assert "\n" not in result.finding + result.mend
