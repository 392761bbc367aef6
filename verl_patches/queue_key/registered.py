"""Imported by `VERL_USE_EXTERNAL_MODULES` in every process of a run."""

from verl_patches.contract import check

check("queue")

from verl_patches.queue_key import sockets

__all__ = ["sockets"]
