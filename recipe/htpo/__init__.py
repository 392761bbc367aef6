"""HTPO (arXiv:2605.08283). Importing this package loads neither verl nor Ray, only the algorithm, which is pure torch:

    settings.py    the typed settings
    objectives.py  the table: which objective each of the eight groups has; its presets are config/objectives/
    partition.py   tokens into groups
    losses.py      the loss of each token

What makes a run of it:

    difficulty.py  hard prompts and right answers, from verl's row keys and the verifier's verdicts
    plugin.py      the entries in verl's registries, loss and estimator
    method.py      what the shared code must know of it, with metrics.py, display.py (report page) and signs.py (warnings)
    trainer.py     registers its trainers; main.py and preflight.py are the commands, config/ what they compose
"""

from recipe.htpo.losses import token_losses
from recipe.htpo.objectives import GROUPS, PRESETS, Objective
from recipe.htpo.partition import partition_tokens
from recipe.htpo.settings import HTPOConfig

__all__ = ["GROUPS", "PRESETS", "HTPOConfig", "Objective", "partition_tokens", "token_losses"]
