"""HTPO's algorithm in pure torch. Importing this loads neither verl nor Ray; `recipe.htpo.plugin` registers into verl."""

from recipe.htpo.losses import token_losses
from recipe.htpo.objectives import GROUPS, PRESETS, Objective
from recipe.htpo.partition import partition_tokens
from recipe.htpo.settings import HTPOConfig

__all__ = ["GROUPS", "PRESETS", "HTPOConfig", "Objective", "partition_tokens", "token_losses"]
