"""Signs of sickness in HAPO's metrics, for the warnings in the log."""

from __future__ import annotations

from recipe.hapo.metrics import SIDES
from recipe.token_level.phantom import phantom_sign
from recipe.token_level.signs import Least, Sign, empty_sign, outside_clip_sign

_WHOSE = {side: f"the {side.replace('_', '-')} tokens" for side in SIDES}

# As HTPO's: at less than half a percent of the tokens the two parts of the loss hardly exist.
ACTIVE_LEAST, ACTIVE_STEPS = 0.005, 20

SIGNS: tuple[Sign, ...] = (
    Sign(
        "hapo/active_share",
        Least(ACTIVE_LEAST, window=ACTIVE_STEPS),
        "the loss is PPO's clip on nearly all tokens: adaptive clip and advantage do next to nothing",
        "raise hapo.clip_alpha and hapo.adv_beta, or make more updates a step with a smaller actor.ppo_mini_batch_size",
        "studies/miniature: no effect was seen of HTPO at 0.8 % and less",
    ),
    phantom_sign("hapo", "set hapo.equal_acc=raw or drop, or algorithm.filter_groups.enable=True"),
    *(outside_clip_sign(f"hapo/{side}/outside_clip_share", whose) for side, whose in _WHOSE.items()),
    *(
        empty_sign(f"hapo/{side}/token_share", whose, "bring hapo.entropy_pivot back to its default, 0.8", "arXiv:2509.16591")
        for side, whose in _WHOSE.items()
    ),
)
