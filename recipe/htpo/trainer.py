"""verl's three PPO trainers with HTPO's token fields: `trainer.v1.trainer_mode=htpo_sync` and so on."""

from verl.trainer.ppo.v1.trainer_base import register_trainer
from verl.trainer.ppo.v1.trainer_colocate_async import PPOTrainerColocateAsync
from verl.trainer.ppo.v1.trainer_separate_async import PPOTrainerSeparateAsync
from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync

from recipe.htpo.method import HTPO
from recipe.token_level.trainer import TokenLevelTrainer


@register_trainer("htpo_sync")
class HTPOTrainerSync(TokenLevelTrainer, PPOTrainerSync):
    """Rollout and training take turns on the same GPUs."""

    method, base_mode = HTPO, "sync"


@register_trainer("htpo_colocate_async")
class HTPOTrainerColocateAsync(TokenLevelTrainer, PPOTrainerColocateAsync):
    """Rollout and training take turns on the same GPUs; unfinished responses go on after the weight sync."""

    method, base_mode = HTPO, "colocate_async"


@register_trainer("htpo_separate_async")
class HTPOTrainerSeparateAsync(TokenLevelTrainer, PPOTrainerSeparateAsync):
    """Rollout and training run at the same time on different GPUs."""

    method, base_mode = HTPO, "separate_async"
