"""What the tests of the configs have in common."""

from recipe.hapo.method import HAPO
from recipe.htpo.method import HTPO

GIVEN = ("actor_rollout_ref.model.path=org/model", "data.train_files=train.parquet", "data.val_files=val.parquet")

SEPARATE = [
    "trainer.v1.trainer_mode=separate_async",
    "actor_rollout_ref.rollout.nnodes=1",
    "actor_rollout_ref.rollout.checkpoint_engine.backend=nccl",
]

METHODS = {"htpo": HTPO, "hapo": HAPO}
