"""Combinations of settings with which a run would train wrongly, or lose work, without a word.

rule.py         one of them: what stock verl does, what this project does, how it is recognised
checkpoints.py  work that is lost
engines.py      weights that are updated wrongly, or that nobody gets
importance.py   weights pi / mu of another distribution than the one sampled from
precision.py    log-probs and entropies that are rounded
requests.py     requests at a rollout server
places.py       keys that are not read
seeds.py        responses of the same random numbers
table.py        docs/combinations.md, written from all of them: `python -m recipe.runs.combinations`

A new one is a `Rule` in one of these files; the tests compose its example and compare the table.
"""

from __future__ import annotations

import warnings

from omegaconf import DictConfig

from recipe.runs.combinations import checkpoints, engines, importance, places, precision, requests, seeds
from recipe.runs.combinations.rule import REFUSED, SET, WARNED, Rule

RULES: tuple[Rule, ...] = (
    *importance.RULES,
    *engines.RULES,
    *requests.RULES,
    *seeds.RULES,
    *checkpoints.RULES,
    *precision.RULES,
    *places.RULES,
)


def check_combinations(config: DictConfig) -> None:
    """Raise ValueError for the first combination that is refused, else warn of each that is warned of."""
    found = {ours: [] for ours in (REFUSED, WARNED)}
    for rule in RULES:
        if rule.ours in found and rule.holds() and (sentence := rule.find(config)):
            found[rule.ours].append(sentence)
    for sentence in found[REFUSED]:
        raise ValueError(sentence)
    for sentence in found[WARNED]:
        warnings.warn(sentence, stacklevel=2)


def set_right(config: DictConfig) -> None:
    """Change what is set wrongly and can have one right value only; called where the trainer is built, before its workers."""
    for rule in RULES:
        if rule.ours == SET and rule.holds():
            rule.mend(config)
