"""verl's three PPO trainers with HAPO's token field: `trainer.v1.trainer_mode=hapo_sync` and so on."""

from recipe.hapo.method import HAPO
from recipe.runs.trainer import register_trainers

register_trainers(HAPO)
