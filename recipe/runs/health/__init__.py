"""Warnings when a run shows a known sickness. Numbers in, sentences out: each is said when it begins and when it is over.

signs.py     what is watched in all runs, with the reason of each limit; a method adds its own (token_level/signs)
watch.py     one sign over the steps of a run
log.py       all signs as a logger of verl's, and what earlier attempts of the run measured
__main__.py  what they say of a run that is over
table.py     the signs as the table of docs/metrics.md
"""

from recipe.runs.health.log import HealthLog
from recipe.runs.health.signs import SIGNS
from recipe.runs.health.watch import Watch

__all__ = ["SIGNS", "HealthLog", "Watch"]
