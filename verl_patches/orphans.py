"""vLLM's engine and its workers end when their server is gone.

Wrong upstream (verl 0.9.1, vLLM 0.24.0): an engine looks for the end of its parent between two calls of its workers only. When
a server dies while its workers wait for weights that nobody sends any more, as after a hang in the weight sync, the call never
returns: engine and workers stay, with the GPU's memory, and the next attempt finds it taken. Where a job's processes are ended
by Slurm's cgroup this does not show; on a Ray cluster that outlives the job it does.

No patch: a thread of each worker, begun by the worker extension, watches the engine's parent.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

ENGINE = "VLLM::EngineCore"  # vLLM's title of the process, to which a data-parallel engine adds its number


def end_with_server(every_s: float = 5.0) -> None:
    """From now on this worker, and the engine that is its parent, are killed when the engine's parent has gone.

    Does nothing in a worker whose parent is no engine: one in the engine's own process, or one that Ray has started.
    """
    engine = os.getppid()
    server = _parent(engine)
    if server and _title(engine).startswith(ENGINE):
        threading.Thread(target=_watch, args=(engine, server, every_s), daemon=True, name="ends with its server").start()


def _watch(engine: int, server: int, every_s: float) -> None:
    while _parent(engine) == server:
        time.sleep(every_s)
    if os.getppid() == engine:  # else it has gone by itself, and its number may be another's
        os.kill(engine, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def _parent(pid: int) -> int | None:
    """None if there is no such process."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def _title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return ""
