"""HAPO (arXiv:2509.16591). Importing this package loads neither verl nor Ray, only the algorithm, which is pure torch:

    settings.py    the typed settings
    advantages.py  Token-Level Group Average
    losses.py      the loss of each token: adaptive clipping and redistributed advantages

The score that they follow is `recipe.primitives.entropy_score`, the sampling `recipe.adaptive_temperature`. What makes a run:

    plugin.py      the entries in verl's registries, loss and estimator
    method.py      what the shared code must know of it, with metrics.py, display.py (report page) and signs.py (warnings)
    trainer.py     registers its trainers; main.py and preflight.py are the commands, config/ what they compose
"""

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
