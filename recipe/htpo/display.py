"""What the report page shows of HTPO: its eight groups, a hue for each pair of prompt difficulty and verdict."""

from __future__ import annotations

from recipe.htpo.objectives import GROUPS
from recipe.token_level.display import Area, Curve, Display, Family, Group, Grouping, Stack

_QUADRANTS = ("hard_correct", "hard_wrong", "easy_correct", "easy_wrong")
# Of a group: on a light page, on a dark one.
_COLORS = (
    ("#6fb3de", "#a5d4f2"),
    ("#005f99", "#3f9fdc"),
    ("#f0975a", "#f7c09a"),
    ("#b84a00", "#ee7b2a"),
    ("#58c2a0", "#a4e3cf"),
    ("#00755a", "#22b98c"),
    ("#d9a3cb", "#efcbe4"),
    ("#9c3f82", "#d173b5"),
)

DISPLAY = Display(
    method="htpo",
    label="HTPO",
    groups=tuple(Group(name, *colors, faint=name.endswith("_low")) for name, colors in zip(GROUPS, _COLORS, strict=True)),
    grouping=Grouping("group", negative="detached"),
    families=(
        Family("token_share", "Token share", "Share of all response tokens."),
        Family("entropy", "Entropy", "Mean over the group's tokens, nats.", "number"),
        Family("outside_clip_share", "Outside the clip range", "Share of the group's tokens, over the step's mini-batches."),
        Family("active_share", "Active", "Share of the group's tokens on which the loss pulls otherwise than DAPO's would."),
        Family("detached_share", "Detached", "Share of the group's tokens whose loss is silenced."),
    ),
    curves=(
        Curve("htpo/active_share", "Active tokens", "Share of the response tokens on which the loss is not DAPO's."),
        Curve("htpo/hard_prompt_share", "Hard prompts", "Share of the step's prompts; the rest is easy.", tab="prompts"),
        Curve("htpo/correct_share", "Right answers", "Share of the responses trained on; the rest is wrong.", tab="prompts"),
    ),
    stack=Stack(
        "Tokens by difficulty and verdict",
        "Share of all response tokens, low and high entropy together.",
        tuple(Area(name, (f"{name}_low", f"{name}_high")) for name in _QUADRANTS),
    ),
)
