"""HAPO's algorithm in pure torch. Importing this loads neither verl nor Ray."""

from recipe.hapo.advantages import token_level_group_advantage
from recipe.hapo.losses import token_losses
from recipe.hapo.settings import HAPOConfig
from recipe.primitives.entropy_score import ENTROPY_FLOOR, EntropyStatistics, entropy_score, entropy_statistics

__all__ = [
    "ENTROPY_FLOOR",
    "EntropyStatistics",
    "HAPOConfig",
    "entropy_score",
    "entropy_statistics",
    "token_level_group_advantage",
    "token_losses",
]
