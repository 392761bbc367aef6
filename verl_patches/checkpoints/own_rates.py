"""A resumed run trains with the learning rate, weight decay and betas of its config, also where its checkpoint had others.

Wrong upstream: `FSDPCheckpointManager.load_checkpoint` (verl 0.9.1) loads the optimizer's whole state, of which these settings
are a part, and the schedule's, of which the learning rate is. Whoever lowers the rate for a resume goes on with the old one,
without a word (verl-project/verl#3170). Moments, the number of steps and the schedule's place stay those of the checkpoint.

Patches one method in the training ranks.
"""

from __future__ import annotations

import functools
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

_SAID = {"initial_lr": "lr", "weight_decay": "weight_decay", "betas": "betas"}  # a group's key, and the config's


def settings(optimizer: Optimizer) -> list[dict[str, Any]]:
    """Of each parameter group, what the config decides: all but its parameters and the rate of the moment."""
    return [{key: value for key, value in group.items() if key not in ("params", "lr")} for group in optimizer.param_groups]


def put_back(asked: list[dict[str, Any]], optimizer: Optimizer, scheduler: LambdaLR) -> dict[str, tuple[Any, Any]]:
    """Give the groups the settings `asked` for, and the rate that the schedule has for them where it is.

    Returns what was otherwise, by the config's name: the checkpoint's value and the config's.
    """
    groups = optimizer.param_groups
    changed = {
        name: (group.get(key), own[key])
        for own, group in zip(asked, groups, strict=True)
        for key, name in _SAID.items()
        if key in own and _plain(group.get(key)) != _plain(own[key])
    }
    for own, group in zip(asked, groups, strict=True):
        group.update(own)
    scheduler.base_lrs = [own["initial_lr"] for own in asked]
    for group, rate, factor in zip(groups, scheduler.base_lrs, scheduler.lr_lambdas, strict=True):
        group["lr"] = rate * factor(scheduler.last_epoch)
    scheduler._last_lr = [group["lr"] for group in groups]
    return changed


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def apply() -> None:
    """Patch verl's checkpoint manager in this process, once."""
    from verl.utils.checkpoint.fsdp_checkpoint_manager import FSDPCheckpointManager as target

    original = target.load_checkpoint
    if hasattr(original, "own_rates"):
        return

    @functools.wraps(original)
    def load_checkpoint(self, local_path, *args, **kwargs):
        optimizer, scheduler = self.optimizer, self.lr_scheduler
        if local_path is None or optimizer is None or not isinstance(scheduler, LambdaLR):
            return original(self, local_path, *args, **kwargs)
        asked = settings(optimizer)
        result = original(self, local_path, *args, **kwargs)
        changed = put_back(asked, optimizer, scheduler)
        if changed and self.rank == 0:
            told = ", ".join(f"{name} {new} (in the checkpoint {old})" for name, (old, new) in changed.items())
            print(f"goes on from {local_path} with {told}", flush=True)
        return result

    load_checkpoint.own_rates = True
    target.load_checkpoint = load_checkpoint
