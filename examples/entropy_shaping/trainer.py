"""verl's three PPO trainers with the bonus: `trainer.v1.trainer_mode=entropy_shaping_sync` and so on."""

from examples.entropy_shaping.method import ENTROPY_SHAPING
from recipe.runs.trainer import register_trainers

register_trainers(ENTROPY_SHAPING)
