"""What a watchdog, a stop and a limit on dropped groups want of verl's replay buffer.

Missing upstream, in `verl.trainer.ppo.v1.replay_buffer.ReplayBuffer` of verl 0.9.1: a count of prompts that another thread may
read, a way to break off a wait for rollouts, an end to a wait whose groups are all dropped, and a config key for
`poll_interval`, which is an argument of the constructor that the trainer does not pass.

Patches two methods of one object, `_sync_metadata_from_transfer_queue` and `_evict_terminal_groups`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

_STATES = ("pending_keys", "running_keys", "finished_keys", "failure_keys")


def watch(
    buffer,
    looked: Callable[[], None] = lambda: None,
    dropped: Callable[[int, Mapping[float, int], int], None] = lambda step, alike, failed: None,
):
    """Let verl's replay buffer keep `prompt_counts`, how many prompts are in which state, whenever it has looked.

    Its own sets are empty or half filled while it looks, which another thread would take for progress. Returns the buffer; a
    sampler of the user's own, which has no such sets, is left as it is.

    looked: called after each look, in the thread that waits for rollouts; what it raises ends the wait.
    dropped: called when groups were dropped, with the step, how many whose responses all had which value of the filter's
        metric, and how many because of failed rollouts; what it raises ends the wait.
    """
    look = getattr(buffer, "_sync_metadata_from_transfer_queue", None)
    evict = getattr(buffer, "_evict_terminal_groups", None)
    if look is None or evict is None:
        return buffer

    def look_and_count():
        look()
        sets = {state: getattr(buffer, state) for state in _STATES}
        buffer.prompt_counts = tuple((state, part, len(keys)) for state, parts in sets.items() for part, keys in parts.items())
        looked()

    def evict_and_tell(global_steps, partition_id, eviction_reasons):
        result = evict(global_steps, partition_id, eviction_reasons)
        _, alike, failed, counts = eviction_reasons
        if alike or failed:
            dropped(global_steps, dict(counts), len(failed))
        return result

    buffer._sync_metadata_from_transfer_queue = look_and_count
    buffer._evict_terminal_groups = evict_and_tell
    return buffer


def nothing_came(error: Exception) -> bool:
    """Whether this is what verl's replay buffer raises when not one response of a batch is there."""
    return isinstance(error, RuntimeError) and "no materializable trajectories" in str(error)


def nothing_was_validated(error: Exception) -> bool:
    """Whether this is what TransferQueue raises when verl asks it for the responses of a validation and there is not one."""
    return isinstance(error, ValueError) and str(error) == "Received an empty list as keys."


def set_poll_interval(buffer, seconds: float) -> None:
    """How long verl's replay buffer waits between two looks."""
    buffer.poll_interval = seconds
