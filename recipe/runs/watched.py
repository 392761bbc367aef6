"""The trainer's part in not waiting for ever: a watchdog from its construction until its tracking and queue are closed."""

from __future__ import annotations

from recipe.runs.checkpoints import resumes_from
from recipe.runs.nodes import on_nodes
from recipe.runs.processes import bytes_moved
from recipe.runs.watchdog import START_S, Watchdog, Watched, diagnose, end_with, gone, processes_of, progress_of
from verl_patches.trainer_hooks import HookedTrainer


class WatchedTrainer(HookedTrainer):
    """Mix-in in front of `RecoverableTrainer`."""

    _watched: tuple[Watched, ...] = ()
    _watchdog: Watchdog | None = None
    _phase: str | None = "while starting"  # None: in a step
    _finished = False

    def __init__(self, config):
        super().__init__(config)
        if limit := config.trainer.get("hang_timeout_s"):
            self._watchdog = Watchdog(max(limit, START_S), lambda: progress_of(self), self._end_hang, self._bytes_moved)
            self._watchdog.start()

    def load(self):
        if self._watchdog:
            self._watched = processes_of(self)  # idle for the last time before they read a checkpoint
        super().load()

    def on_init_end(self):
        super().on_init_end()
        if self._watchdog:
            self._watchdog.limit_s = self.config.trainer.hang_timeout_s

    def fit(self, agent_loop_manager):
        if self._watchdog:
            self._watched = processes_of(self, agent_loop_manager.agent_loop_workers)
        self._phase = None
        finished = False
        try:
            super().fit(agent_loop_manager)
            finished = True
        finally:
            # verl closes its tracking and TransferQueue after this, where a run hangs as well as anywhere.
            self._phase = "at its end, after all steps" if finished else "at its end"
            self._finished = finished

    def advantage_step(self, batch, metrics):
        # verl trains on what is left of a step: right if a prompt's reward raised, wrong if a worker has ended.
        if (failed := metrics.get("rollouts/failed_share", 0)) and (ended := gone(self._watched)):
            raise ValueError(
                f"in step {self.global_steps} {failed:.0%} of the responses did not come, as {', '.join(ended[:4])} is gone; "
                f"{resumes_from(self.config)}"
            )
        return super().advantage_step(batch, metrics)

    def closed(self):
        if self._watchdog:
            self._watchdog.ended.set()
        super().closed()

    def _end_hang(self, waited: float):
        where = self._phase or f"in step {self.global_steps}"

        def sentence():
            hint = "(if it is only slow, raise trainer.hang_timeout_s)"
            return f"no progress for {waited:.0f} s {where}: {diagnose(self._watched)} {hint}"

        end_with(sentence, self.config, self._finished)

    def _bytes_moved(self):
        """Of each rank, and of this process, by node and pid."""
        ranks: dict[str, list[int]] = {}
        for w in self._watched:
            if w.is_rank:
                ranks.setdefault(w.node, []).append(w.pid)
        found = on_nodes(bytes_moved, {node: (pids,) for node, pids in ranks.items()})
        moved = {(node, pid): count for node, counts in found.items() for pid, count in counts.items()}
        return moved | {("", pid): count for pid, count in bytes_moved(["self"]).items()}
