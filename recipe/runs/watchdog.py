"""Ends a run that hangs, and names who does not answer: a rank, a vLLM engine, a node.

Whatever the trainer waits for, it waits in one thread and for ever: a stopped rank, a weight transfer to an engine that is
gone (verl's sender has no time limit), a node that went away silently. So another thread looks at how far the run has come.
If nothing changes for `trainer.hang_timeout_s`, neither there nor on disk, it asks the nodes what their processes do, leaves a
sentence for the driver in the checkpoint folder, and ends the trainer's process, which takes the job down.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

from recipe.runs import processes
from recipe.runs.nodes import PATIENCE, on_nodes
from verl_patches.guard import ContractBroken
from verl_patches.ray_processes import about, ask

START_S = 1800.0  # at least, until the models are read and the engines compiled: one phase without any sign
# Bytes a second of all ranks together, from which on they count as reading or writing. A checkpoint is tens of gigabytes; what
# a waiting process reads and writes are some kilobytes.
MOVING = 1e6


@dataclass(frozen=True)
class Watched:
    """A process of the run. who: what a user calls it."""

    who: str
    node: str
    pid: int
    address: str

    @property
    def is_rank(self) -> bool:
        return self.who.startswith("rank")


def hang_file(config) -> Path:
    """Where the trainer leaves its last words to the driver."""
    return Path(config.trainer.default_local_dir) / "hung"


def last_words(config) -> tuple[str, bool] | None:
    """The sentence that a watchdog has left, and whether all steps had been trained; None if it has left none."""
    try:
        left = json.loads(hang_file(config).read_text())
        return left["sentence"], left["finished"]
    except (OSError, ValueError):
        return None


class Watchdog(threading.Thread):
    """progress: anything that changes while the run goes on. on_hang: called once, with the seconds without a change.

    moved: bytes that each process has read and written so far, by any key. It may take a minute, so it is called only when half
    of the time is over without a change, and when all of it is.
    """

    def __init__(
        self,
        limit_s: float,
        progress: Callable[[], Hashable],
        on_hang: Callable[[float], None],
        moved: Callable[[], dict[Hashable, int]] = dict,
    ):
        super().__init__(name="watchdog", daemon=True)
        self.limit_s, self.progress, self.on_hang, self.moved = limit_s, progress, on_hang, moved
        self.ended = threading.Event()

    def run(self):
        last, since, first_look = None, time.monotonic(), None
        while not self.ended.wait(min(10.0, self.limit_s / 10)):
            now = self._try(self.progress)
            waited = time.monotonic() - since
            if now != last:
                last, since, first_look = now, time.monotonic(), None
            elif waited > self.limit_s:
                if not self._moves(first_look):
                    return self.on_hang(waited)
                since, first_look = time.monotonic(), None
            elif waited > self.limit_s / 2 and first_look is None:
                first_look = time.monotonic(), self._try(self.moved)

    def _moves(self, first_look) -> bool:
        before, now = first_look[1] if first_look else None, self._try(self.moved)
        if not (isinstance(before, dict) and isinstance(now, dict)):
            return False
        moved = sum(now[key] - before[key] for key in now.keys() & before.keys())
        return moved > MOVING * (time.monotonic() - first_look[0])

    @staticmethod
    def _try(look):
        try:
            return look()
        except Exception as error:  # a dog that stumbles must not leave the run unwatched
            return repr(error)


def progress_of(trainer) -> Hashable:
    """The step, the phases of it that are over with their times, how many prompts are in which state, how much of a checkpoint
    is on disk, and how many files of one were looked at."""
    phases = tuple(getattr(trainer, "timing_raw", {}).items())  # verl adds up the times of a phase that comes again
    folder = trainer.writing
    written = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) if folder else 0
    prompts = getattr(trainer.replay_buffer, "prompt_counts", None)
    return getattr(trainer, "global_steps", None), phases, prompts, written, trainer.files_looked_at


def processes_of(trainer, agent_loop_workers: Sequence = ()) -> tuple[Watched, ...]:
    """The run's ranks, vLLM servers with their engines, reward workers, TransferQueue, and agent-loop workers by Ray's handles.

    Each is asked, so they must be idle; who does not answer is left out.
    """
    import ray

    calls = {ask(actor, about): f"rank {rank}" for rank, actor in enumerate(trainer.rank_actors())}
    calls |= {ask(actor, about): f"vLLM server {i}" for i, actor in enumerate(trainer.server_actors())}
    calls |= {ask(actor, about): f"reward worker {i}" for i, actor in enumerate(trainer.reward_actors())}
    calls |= {ask(actor, about): f"agent-loop worker {i}" for i, actor in enumerate(agent_loop_workers)}
    calls |= {ask(actor, about): name for name, actor in trainer.queue_actors().items()}
    done, _ = ray.wait(list(calls), num_returns=len(calls), timeout=PATIENCE)
    watched = []
    for call in sorted(done, key=list(calls).index):
        try:
            node, address, pid, engines = ray.get(call)
        except ContractBroken:
            raise
        except ray.exceptions.RayError as error:
            print(f"watchdog: {calls[call]}: {error}", file=sys.stderr)
            continue
        watched.append(Watched(calls[call], node, pid, address))
        watched += [Watched(f"the engine of {calls[call]}", node, engine, address) for engine in engines]
    return tuple(watched)


def _by_node(watched: Sequence[Watched]) -> dict[str, tuple[list[int]]]:
    pids: dict[str, list[int]] = {}
    for w in watched:
        pids.setdefault(w.node, []).append(w.pid)
    return {node: (of_node,) for node, of_node in pids.items()}


def gone(watched: Sequence[Watched]) -> list[str]:
    """Who has ended, or is on a node that does not answer."""
    ended = on_nodes(processes.gone_of, _by_node(watched))
    return [f"{w.who} (pid {w.pid} on {w.address})" for w in watched if w.pid in ended.get(w.node, [w.pid])]


def diagnose(watched: Sequence[Watched]) -> str:
    """Who does not answer, in one sentence; a line for each process goes to stderr."""
    seen = on_nodes(processes.look, _by_node(watched))
    suspects, ranks, others = [], {}, {}
    for w in watched:
        place = f"{w.who} (pid {w.pid} on {w.address})"
        found = seen.get(w.node)
        status, doing = found[w.pid] if found else ("silent: its node does not answer", "")
        print(f"watchdog: {place}: {status}, {doing or 'nothing known'}", file=sys.stderr, flush=True)
        if status in processes.ANSWERING:
            (ranks if w.is_rank else others)[place] = doing
        else:
            suspects.append(f"{place} is {status}" + (f" in {doing}" if doing else ""))
    if suspects:
        return "; ".join(suspects[:4]) + (f"; and {len(suspects) - 4} more" if len(suspects) > 4 else "")
    common = Counter(ranks.values()).most_common()
    if len(common) > 1:
        odd = [f"{place} is in {doing or 'no call'}" for place, doing in ranks.items() if doing != common[0][0]]
        return f"{'; '.join(odd[:4])}, while {common[0][1]} ranks are in {common[0][0] or 'no call'}"
    if not common:
        return "no process of the run is known yet"
    rest = "".join(f"; {place} is in {doing}" for place, doing in list(others.items())[:4] if doing)
    return f"all {len(ranks)} ranks are in {common[0][0] or 'no call'}{rest}"


def end_with(find_sentence: Callable[[], str], config, finished: bool) -> None:
    """Leave a sentence for the driver and end this process, whatever its main thread waits for.

    finished: whether all steps had been trained.
    """
    # Should even this hang, on a file system that does: the end comes without the sentence.
    last_resort = threading.Timer(3 * PATIENCE, os._exit, (1,))
    last_resort.daemon = True
    last_resort.start()
    try:
        sentence = find_sentence()
    except Exception as error:
        sentence = f"no progress, and the processes could not be looked at: {error!r}"
    print(f"watchdog: {sentence}", file=sys.stderr, flush=True)
    try:
        file = hang_file(config)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"sentence": sentence, "finished": finished}))
    finally:
        os._exit(1)
