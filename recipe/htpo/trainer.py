"""verl's three PPO trainers with HTPO's token field: `trainer.v1.trainer_mode=htpo_sync` and so on."""

from recipe.htpo.method import HTPO
from recipe.runs.trainer import register_trainers

register_trainers(HTPO)
