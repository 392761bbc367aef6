"""Settings of HTPO (arXiv:2605.08283): how tokens are split into eight groups, and which objective each group has.

Pure Python, without verl, Ray or torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from recipe.token_level.checks import check_choice, check_clip_range, check_fraction, check_positive

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
    """

    loss: str = "ppo_clip"
    weight: float = 1.0
    detach: str = "none"

    def __post_init__(self) -> None:
        check_choice("objective loss", self.loss, LOSSES)
        check_choice("objective detach", self.detach, DETACH)
        if not isinstance(self.weight, int | float) or not 0 <= self.weight < float("inf"):
            raise ValueError(f"objective weight is {self.weight!r}; it must be a finite number >= 0")


_PPO = Objective()
_FORKING = {name: Objective(weight=1.0 if name.endswith("_high") else 0.0) for name in GROUPS}

# The same tables are shipped as YAML in config/objectives/ for the command line; a test keeps the two equal.
PRESETS: dict[str, dict[str, Objective]] = {
    "htpo": {
        "hard_correct_low": Objective(detach="lowest"),
        "hard_correct_high": Objective(loss="encourage"),
        "hard_wrong_low": _PPO,
        "hard_wrong_high": Objective(loss="penalize"),
        "easy_correct_low": _PPO,
        "easy_correct_high": Objective(detach="highest"),
        "easy_wrong_low": _PPO,
        "easy_wrong_high": Objective(loss="penalize"),
    },
    "dapo": dict.fromkeys(GROUPS, _PPO),
    "forking_tokens": _FORKING,
    "cispo": dict.fromkeys(GROUPS, Objective(loss="cispo")),
}


def _objective_table(table: str | Mapping) -> dict[str, Objective]:
    """Turn a preset's name, or a mapping of group names to objectives (missing ones: HTPO's), into a full table."""
    if isinstance(table, str):
        check_choice("htpo.objectives", table, tuple(PRESETS))
        return dict(PRESETS[table])
    unknown = set(table) - set(GROUPS)
    if unknown:
        raise ValueError(f"htpo.objectives has no group {sorted(unknown)[0]!r}; the groups are {', '.join(GROUPS)}")
    full = dict(PRESETS["htpo"])
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


@dataclass(frozen=True)
class HTPOConfig:
    """All of HTPO's settings, checked when built.

    difficulty_threshold: a prompt is hard if the mean accuracy of its responses is below this.
    high_entropy_fraction: share of a response's tokens that count as high-entropy (ties with the border included).
    detach_lowest_fraction, detach_highest_fraction: share of a row's low- (high-) entropy tokens that `detach` silences.
    variant: `paper` maximises the figure's objectives; `released` computes what the authors' published code computes,
        which outside the clip range has the opposite sign in groups 2, 4 and 8, and no cap on the reversed ratio.
    entropy_source: `old_policy` splits by the entropy verl's old-log-prob pass measured, once per batch;
        `current_policy` by the entropy of the policy being updated, as the released code does; costs another entropy.
    max_reverse_ratio: cap on pi_old / pi in `encourage` (paper variant only).
    clip_ratio_low, clip_ratio_high, clip_ratio_c: PPO's clip range and dual clip. In a training run they are taken from
        `actor_rollout_ref.actor`, not from here.
    objectives: a preset's name, or {group: Objective or {loss, weight, detach}}; missing groups have HTPO's.

    Raises:
        ValueError: a value is out of range or a name is unknown; the message says which and what is allowed.
    """

    difficulty_threshold: float = 0.6
    high_entropy_fraction: float = 0.2
    detach_lowest_fraction: float = 0.006
    detach_highest_fraction: float = 0.02
    variant: str = "paper"
    entropy_source: str = "old_policy"
    max_reverse_ratio: float = 10.0
    clip_ratio_low: float = 0.2
    clip_ratio_high: float = 0.28
    clip_ratio_c: float = 10.0
    objectives: str | Mapping = field(default_factory=dict)

    def __post_init__(self) -> None:
        fractions = ("difficulty_threshold", "high_entropy_fraction", "detach_lowest_fraction", "detach_highest_fraction")
        for name in fractions:
            check_fraction(f"htpo.{name}", getattr(self, name))
        check_choice("htpo.variant", self.variant, ("paper", "released"))
        check_choice("htpo.entropy_source", self.entropy_source, ("old_policy", "current_policy"))
        check_positive("htpo.max_reverse_ratio", self.max_reverse_ratio, above=1.0)
        check_clip_range(self)
        object.__setattr__(self, "objectives", _objective_table(self.objectives))

    def groups_with(self, **choice) -> tuple[int, ...]:
        """Ids of the groups whose objective has the given values, e.g. `groups_with(loss="cispo")`."""
        return tuple(
            i
            for i, name in enumerate(GROUPS, start=1)
            if all(getattr(self.objectives[name], key) == value for key, value in choice.items())
        )
