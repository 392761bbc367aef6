"""What a watchdog and a config want of verl's replay buffer.

Missing upstream, in `verl.trainer.ppo.v1.replay_buffer.ReplayBuffer` of verl 0.9.1: a count of prompts that another thread may
read, and a config key for `poll_interval`, which is an argument of the constructor that the trainer does not pass.

Patches one method of one object, `_sync_metadata_from_transfer_queue`.
"""

from __future__ import annotations

_STATES = ("pending_keys", "running_keys", "finished_keys", "failure_keys")


def count_prompts(buffer):
    """Let verl's replay buffer keep `prompt_counts`, how many prompts are in which state, whenever it has looked.

    Its own sets are empty or half filled while it looks, which another thread would take for progress. Returns the buffer; a
    sampler of the user's own, which has no such sets, is left as it is.
    """
    look = getattr(buffer, "_sync_metadata_from_transfer_queue", None)
    if look is None:
        return buffer

    def look_and_count():
        look()
        sets = {state: getattr(buffer, state) for state in _STATES}
        buffer.prompt_counts = tuple((state, part, len(keys)) for state, parts in sets.items() for part, keys in parts.items())

    buffer._sync_metadata_from_transfer_queue = look_and_count
    return buffer


def set_poll_interval(buffer, seconds: float) -> None:
    """How long verl's replay buffer waits between two looks."""
    buffer.poll_interval = seconds
