"""Signs of sickness in HTPO's metrics, for the warnings in the log."""

from __future__ import annotations

from recipe.htpo.objectives import GROUPS
from recipe.token_level.phantom import phantom_sign
from recipe.token_level.signs import Least, Most, Sign, empty_sign, outside_clip_sign

# Detaching alone silences 0.006 of group 1's tokens and 0.02 of group 6's, which are 0.2 % or so of all; below half a percent
# hardly a token has one of the objectives that begin outside the clip range. For so long, as some steps say little.
ACTIVE_LEAST, ACTIVE_STEPS = 0.005, 20

# Beyond this share of hard (easy) prompts, the four groups of the others have too few tokens to matter.
ONE_SIDED = 0.95

_HARDER = "lower htpo.difficulty_threshold or train on easier data"
_PAPER = "arXiv:2605.08283"
_EASIER = "raise htpo.difficulty_threshold or train on harder data"

SIGNS: tuple[Sign, ...] = (
    phantom_sign("htpo", "set algorithm.filter_groups.enable=True and algorithm.filter_groups.metric=acc"),
    Sign(
        "htpo/active_share",
        Least(ACTIVE_LEAST, window=ACTIVE_STEPS),
        "the loss is DAPO's on nearly all tokens: this is DAPO in all but name",
        "make more updates a step with a smaller actor.ppo_mini_batch_size, or take what you see for DAPO's "
        "(docs/choose-an-objective.md)",
        "studies/miniature: no effect was seen at 0.8 % and less",
    ),
    Sign("htpo/hard_prompt_share", Most(ONE_SIDED), "nearly all prompts are hard", _HARDER, _PAPER),
    Sign("htpo/hard_prompt_share", Least(1 - ONE_SIDED), "nearly all prompts are easy", _EASIER, _PAPER),
    *(outside_clip_sign(f"htpo/{name}/outside_clip_share", f"the group {name}") for name in GROUPS),
    *(
        empty_sign(f"htpo/{name}/token_share", f"the group {name}", _EASIER if name.startswith("hard") else _HARDER, _PAPER)
        for name in GROUPS
    ),
)
