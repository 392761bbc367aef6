"""verl's three PPO trainers with HTPO's token field: `trainer.v1.trainer_mode=htpo_sync` and so on.

Rollouts may have HAPO's adaptive temperatures (`+sampling=adaptive_temperature`).
"""

from recipe.hapo.sampling_trainer import AdaptiveTemperatureTrainer
from recipe.htpo.method import HTPO
from recipe.token_level.trainer import register_trainers

register_trainers(HTPO, AdaptiveTemperatureTrainer)
