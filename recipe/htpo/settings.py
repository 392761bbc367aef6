"""Settings of HTPO (arXiv:2605.08283). Pure Python, without verl, Ray or torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from recipe.htpo.objectives import DETACH, GROUPS, LOSSES, Objective, objective_table
from recipe.primitives.ranges import VARIANTS, check_choice, check_clip_range, check_fraction, check_positive


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
    high_entropy_by: whose most uncertain fraction of tokens is high-entropy: of each `response`, HTPO's; of the `batch`, all
        responses of a step together; or, as a control, a fraction of each response drawn at `random`.
    advantage: `grpo`, or one of the rivals `gtpo` and `edge_grpo` (recipe.rivals).
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
    high_entropy_by: str = "response"
    advantage: str = "grpo"
    max_reverse_ratio: float = 10.0
    clip_ratio_low: float = 0.2
    clip_ratio_high: float = 0.28
    clip_ratio_c: float = 10.0
    objectives: str | Mapping = field(default_factory=dict)

    def __post_init__(self) -> None:
        fractions = ("difficulty_threshold", "high_entropy_fraction", "detach_lowest_fraction", "detach_highest_fraction")
        for name in fractions:
            check_fraction(f"htpo.{name}", getattr(self, name))
        check_choice("htpo.variant", self.variant, VARIANTS)
        check_choice("htpo.entropy_source", self.entropy_source, ("old_policy", "current_policy"))
        check_choice("htpo.high_entropy_by", self.high_entropy_by, ("response", "batch", "random"))
        if self.high_entropy_by != "response" and self.entropy_source != "old_policy":
            raise ValueError(
                f"htpo.high_entropy_by={self.high_entropy_by} is decided once for a whole batch; "
                "set htpo.entropy_source=old_policy"
            )
        check_choice("htpo.advantage", self.advantage, ("grpo", "gtpo", "edge_grpo"))
        check_positive("htpo.max_reverse_ratio", self.max_reverse_ratio, above=1.0)
        check_clip_range(self)
        object.__setattr__(self, "objectives", objective_table(self.objectives))

    @cached_property  # asked for in every micro-batch
    def key(self) -> tuple:
        """What the loss of a token depends on, hashable."""
        clip_range = (1 - self.clip_ratio_low, 1 + self.clip_ratio_high, self.clip_ratio_c)
        cells = tuple((cell.loss, cell.weight, *self.clip_bounds(cell)) for cell in (self.objectives[name] for name in GROUPS))
        return (self.variant, *clip_range, self.max_reverse_ratio, cells)

    def clip_bounds(self, cell: Objective) -> tuple[float, float]:
        """The importance ratios between which the objective does not clip."""
        low = self.clip_ratio_low if cell.clip_low is None else cell.clip_low
        high = self.clip_ratio_high if cell.clip_high is None else cell.clip_high
        return 1 - low, 1 + high

    @property
    def is_dapo(self) -> bool:
        """Whether all groups have the same objective, PPO's clip: then nothing of the partition matters."""
        return set(self.objectives.values()) == {Objective()}

    def groups_with(self, **choice: str) -> tuple[int, ...]:
        """Ids of the groups whose objective has that `loss` or that `detach`, e.g. `groups_with(loss="cispo")`."""
        ((key, value),) = choice.items()
        return self._groups_with[key, value]

    @cached_property  # asked for by the partition for every few rows
    def _groups_with(self) -> dict[tuple[str, str], tuple[int, ...]]:
        return {
            (key, value): tuple(i for i, name in enumerate(GROUPS, start=1) if getattr(self.objectives[name], key) == value)
            for key, values in (("loss", LOSSES), ("detach", DETACH))
            for value in values
        }
