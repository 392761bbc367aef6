"""Digests of a checkpoint's files: they see a byte that changed on disk, which a list of sizes does not.

They are computed in the background while training goes on, from files that were just written and mostly still are in memory,
and looked at before a run resumes, which brings them into memory again. They prove that a checkpoint is whole, not who wrote
it.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from recipe.files.whole import written_whole
from recipe.runs.checkpoints import DIGESTS, LIST, read_names

AT_ONCE = 4  # files on a node
PATIENCE = 10.0  # seconds that a run which ends waits for the digests of its last checkpoint


def digest(path: str) -> str | None:
    """SHA-256 of a file; None if it cannot be read."""
    import hashlib  # this function travels to the nodes by itself
    import os

    if not os.path.isfile(path):
        return None  # a pipe or a device would be read for ever
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def digests(files: Sequence[str], done: Callable[[], None] = lambda: None) -> dict[str, str | None]:
    """The digest of each file, computed on all nodes of the Ray cluster in turn. done: called after each file."""
    import ray

    nodes = [node["NodeID"] for node in ray.nodes() if node["Alive"]] if ray.is_initialized() else []
    found: dict[str, str | None] = {}
    if len(nodes) < 2:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for path, value in zip(files, pool.map(digest, files), strict=True):
                found[path] = value
                done()
        return found
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    task = ray.remote(num_cpus=0, max_retries=0)(digest)
    running: dict = {}
    for i, path in enumerate(files):
        if len(running) >= AT_ONCE * len(nodes):
            _collect(running, found, done)
        there = NodeAffinitySchedulingStrategy(nodes[i % len(nodes)], soft=True)
        running[task.options(scheduling_strategy=there).remote(path)] = path
    while running:
        _collect(running, found, done)
    return found


def _collect(running: dict, found: dict, done: Callable[[], None]) -> None:
    import ray

    ready, _ = ray.wait(list(running))
    for call in ready:
        found[running.pop(call)] = ray.get(call)
        done()


def damage(folder: Path, done: Callable[[], None] = lambda: None) -> str | None:
    """What is wrong with the content of a checkpoint; None if nothing is, or if it has no digests."""
    try:
        expected = read_names(folder / DIGESTS) or {}
    except FileNotFoundError:
        return None
    except ValueError:
        return f"has an unreadable {DIGESTS}"
    found = digests([str(folder / name) for name in expected], done)
    changed = [name for name, value in expected.items() if found[str(folder / name)] != value]
    return f"has a file that changed after it was written, {changed[0]}" if changed else None


class DigestsLater:
    """Writes the digests of checkpoints while training goes on, of one at a time; of a newer one if there is one."""

    def __init__(self):
        self._thread: threading.Thread | None = None

    def start(self, folder: Path) -> None:
        """Begin with a complete checkpoint; one that is still at work goes on by itself."""
        before = self._thread
        self._thread = threading.Thread(target=_write, args=(folder, before), name="digests", daemon=True)
        self._thread.start()

    def wait(self, seconds: float = PATIENCE) -> None:
        """Wait for the digests of the last checkpoint."""
        if self._thread:
            self._thread.join(seconds)


def _write(folder: Path, before: threading.Thread | None) -> None:
    if before:
        before.join()
    try:
        listed = (folder / LIST).read_text()
        # Links are files of other ranks, under their own names.
        found = digests([str(folder / name) for name in json.loads(listed) if not (folder / name).is_symlink()])
        if None in found.values() or (folder / LIST).read_text() != listed:
            return  # it is being removed, or written anew
        with written_whole(folder / DIGESTS) as new:
            new.write_text(json.dumps({str(Path(path).relative_to(folder)): value for path, value in found.items()}, indent=1))
    except Exception as error:  # the checkpoint is as good as without
        print(f"warning: no digests of {folder}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
