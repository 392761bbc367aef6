"""Signs of sickness in HAPO's metrics, for the warnings in the log."""

from __future__ import annotations

from recipe.hapo.metrics import SIDES
from recipe.token_level.phantom import phantom_sign
from recipe.token_level.signs import Sign, empty_sign, outside_clip_sign

_WHOSE = {side: f"the {side.replace('_', '-')} tokens" for side in SIDES}

SIGNS: tuple[Sign, ...] = (
    phantom_sign("hapo", "set hapo.equal_acc=raw or drop, or algorithm.filter_groups.enable=True"),
    *(outside_clip_sign(f"hapo/{side}/outside_clip_share", whose) for side, whose in _WHOSE.items()),
    *(
        empty_sign(f"hapo/{side}/token_share", whose, "bring hapo.entropy_pivot back to its default, 0.8", "arXiv:2509.16591")
        for side, whose in _WHOSE.items()
    ),
)
