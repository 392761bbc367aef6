"""Signs of sickness in a run's metrics: what a method, or the run layer for all of them, wants to be warned of.

sign.py       a sign: metric, limit, meaning, advice, source
history.py    what a limit looks at
limits.py     limits for the mean of some steps
odd_steps.py  limits for single steps
pairs.py      limits for two metrics together
"""

from recipe.token_level.signs.limits import Fall, Fallen, Grown, Least, Limit, Most, Rise
from recipe.token_level.signs.odd_steps import NotFinite, Spike
from recipe.token_level.signs.pairs import FallsWhile, GrowsWithout
from recipe.token_level.signs.sign import Sign, empty_sign, outside_clip_sign

__all__ = [
    "Fall",
    "Fallen",
    "FallsWhile",
    "Grown",
    "GrowsWithout",
    "Least",
    "Limit",
    "Most",
    "NotFinite",
    "Rise",
    "Sign",
    "Spike",
    "empty_sign",
    "outside_clip_sign",
]
