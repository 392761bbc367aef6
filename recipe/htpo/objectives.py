"""HTPO's objective table (arXiv:2605.08283): which objective each of the eight groups has, and the presets of it.

The presets are the files config/objectives/*.yaml, which the command line reads too. Needs PyYAML, neither verl nor torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib import resources

import yaml

from recipe.primitives.ranges import check_choice, check_fraction, check_not_negative, check_positive

# A group's id is its place in this tuple plus 1, the numbering of the paper's figure; 0 is "not a response token".
GROUPS = (
    "hard_correct_low",
    "hard_correct_high",
    "hard_wrong_low",
    "hard_wrong_high",
    "easy_correct_low",
    "easy_correct_high",
    "easy_wrong_low",
    "easy_wrong_high",
)

LOSSES = ("ppo_clip", "encourage", "penalize", "cispo")
DETACH = ("none", "lowest", "highest")


@dataclass(frozen=True)
class Objective:
    """What one group's tokens maximise. Three independent choices.

    loss: what happens to a token whose importance ratio left the clip range (inside it all are `ratio * A`):
        ppo_clip   PPO's pessimistic clip: the gradient is dropped on the side that A pushes to.
        encourage  for A > 0. Above the range the gradient stays, with weight 1 + eps_high; below it the weight is the
                   reversed ratio pi_old / pi, so that a forking token that became rare is lifted.
        penalize   for A < 0. Below the range the gradient stays, with weight 1 - eps_low.
        cispo      the gradient always stays, with the clipped ratio as weight (CISPO, arXiv:2506.13585).
    weight: factor on the group's loss; 0 silences the group, whose tokens still count in the token mean.
    detach: silence the lowest- or the highest-entropy part of the group (fractions in `HTPOConfig`).
    clip_low, clip_high: the group's own clip range; None: that of verl's actor.
    """

    loss: str = "ppo_clip"
    weight: float = 1.0
    detach: str = "none"
    clip_low: float | None = None
    clip_high: float | None = None

    def __post_init__(self) -> None:
        check_choice("objective loss", self.loss, LOSSES)
        check_choice("objective detach", self.detach, DETACH)
        check_not_negative("objective weight", self.weight)
        if self.clip_low is not None:
            check_fraction("objective clip_low", self.clip_low)
        if self.clip_high is not None:
            check_positive("objective clip_high", self.clip_high)


@cache
def _read(preset: str) -> dict[str, Objective]:
    text = (_FOLDER / f"{preset}.yaml").read_text()
    return {name: Objective(**cell) for name, cell in yaml.safe_load(text).items()}


_FOLDER = resources.files("recipe.htpo") / "config/objectives"
PRESETS = tuple(sorted(file.name.removesuffix(".yaml") for file in _FOLDER.iterdir()))


def objective_table(table: str | Mapping) -> dict[str, Objective]:
    """Turn a preset's name, or a mapping of group names to objectives (missing ones: HTPO's), into a full table."""
    if isinstance(table, str):
        check_choice("htpo.objectives", table, PRESETS)
        return dict(_read(table))
    unknown = set(table) - set(GROUPS)
    if unknown:
        raise ValueError(f"htpo.objectives has no group {sorted(unknown)[0]!r}; the groups are {', '.join(GROUPS)}")
    full = dict(_read("htpo"))
    for name, cell in table.items():
        if isinstance(cell, Objective):
            full[name] = cell
            continue
        known = {f.name for f in fields(Objective)}
        if not isinstance(cell, Mapping) or set(cell) - known:
            raise ValueError(f"htpo.objectives.{name} is {cell!r}; give it some of the keys {', '.join(sorted(known))}")
        try:
            full[name] = Objective(**cell)
        except ValueError as error:
            raise ValueError(f"htpo.objectives.{name}: {error}") from None
    return full
