"""Signs of sickness in HTPO's metrics, for the warnings in the log."""

from __future__ import annotations

from recipe.htpo.objectives import GROUPS
from recipe.token_level.phantom import phantom_sign
from recipe.token_level.signs import Least, Most, Sign, empty_sign, outside_clip_sign

# Beyond this share of hard (easy) prompts, the four groups of the others have too few tokens to matter.
ONE_SIDED = 0.95

_HARDER = "lower htpo.difficulty_threshold or train on easier data"
_PAPER = "arXiv:2605.08283"
_EASIER = "raise htpo.difficulty_threshold or train on harder data"

SIGNS: tuple[Sign, ...] = (
    phantom_sign("htpo", "set algorithm.filter_groups.enable=True and algorithm.filter_groups.metric=acc"),
    Sign("htpo/hard_prompt_share", Most(ONE_SIDED), "nearly all prompts are hard", _HARDER, _PAPER),
    Sign("htpo/hard_prompt_share", Least(1 - ONE_SIDED), "nearly all prompts are easy", _EASIER, _PAPER),
    *(outside_clip_sign(f"htpo/{name}/outside_clip_share", f"the group {name}") for name in GROUPS),
    *(
        empty_sign(f"htpo/{name}/token_share", f"the group {name}", _EASIER if name.startswith("hard") else _HARDER, _PAPER)
        for name in GROUPS
    ),
)
