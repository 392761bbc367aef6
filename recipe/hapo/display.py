"""What the report page shows of HAPO: the two sides of its entropy score, and the score of each token."""

from __future__ import annotations

from recipe.hapo.metrics import SIDES
from recipe.token_level.display import Column, Curve, Display, Family, Group, Grouping

DISPLAY = Display(
    method="hapo",
    label="HAPO",
    groups=(Group(SIDES[0], "#e69f00", "#f2b632", faint=True), Group(SIDES[1], "#0072b2", "#4aa8e0")),
    group_word="side",
    groups_title="HAPO's sides",
    grouping=Grouping("score", borders=(0.0,)),
    families=(
        Family("token_share", "Token share", "Share of all response tokens."),
        Family("outside_clip_share", "Outside the clip range", "Share of the side's tokens, by their adapted range."),
        Family("redistributed_share", "Redistributed", "Share of the side's tokens whose advantage was scaled."),
    ),
    curves=(
        Curve("hapo/active_share", "Active tokens", "Share of the response tokens on which the loss is not PPO's clip."),
        Curve("hapo/adaptive_clip/active_share", "Active by the clip", "The same with the adaptive clip alone."),
    ),
    columns=(Column("score", "HAPO score", (-0.75, -0.5, -0.25, -0.05, 0.05, 0.25, 0.5, 0.75)),),
    summary=("token_share", "redistributed_share", "outside_clip_share"),
)
