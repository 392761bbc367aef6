"""What verl's FSDP checkpoint manager does otherwise in this project's runs.

other_ranks.py   a checkpoint of another number of ranks is loaded
own_rates.py     the learning rate of a resumed run is its config's, not the checkpoint's
shards_once.py   under hybrid sharding each shard is written once, not once for each replica
weights_only.py  what is pickled in a checkpoint is data, never run
"""

from __future__ import annotations

import sys

from verl_patches.checkpoints import other_ranks, own_rates, shards_once, weights_only
from verl_patches.contract import check


def apply() -> None:
    """Patch it in a training rank, once. Where verl has not loaded it, with Megatron, there is nothing to patch."""
    if "verl.utils.checkpoint.fsdp_checkpoint_manager" not in sys.modules:
        return
    check("FSDP rank")
    shards_once.apply()
    other_ranks.apply()
    weights_only.apply()
    own_rates.apply()
