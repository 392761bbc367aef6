"""verl's three PPO trainers with HAPO's token field and sampling: `trainer.v1.trainer_mode=hapo_sync` and so on."""

from recipe.hapo.method import HAPO
from recipe.hapo.sampling_trainer import AdaptiveTemperatureTrainer
from recipe.token_level.trainer import register_trainers

register_trainers(HAPO, AdaptiveTemperatureTrainer)
