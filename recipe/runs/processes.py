"""What the processes of a run do, seen from their own node. Ray sends these functions to the workers, which import them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ANSWERING = ("running", "sleeping")  # of psutil's states, those in which a process may go on by itself
_IDLE = ("main_loop", "wait", "select", "run_forever", "poll")


def about(_) -> tuple[str, str, int, list[int]]:
    """Of an actor: the id and the address of its node, its pid, and the pids of the vLLM processes that it started."""
    import psutil
    import ray

    engines = [child.pid for child in psutil.Process().children(recursive=True) if _title(child).startswith("VLLM")]
    return ray.get_runtime_context().get_node_id(), ray.util.get_node_ip_address(), os.getpid(), engines


def look(pids: list[int]) -> dict[int, tuple[str, str]]:
    """The state of each process, and what it does: Ray's title with the method that runs, and the innermost Python frame."""
    import psutil

    def state(pid):
        try:
            process = psutil.Process(pid)
            status, title = process.status(), _title(process)
        except psutil.Error:
            return "gone", ""
        return "dead" if status == psutil.STATUS_ZOMBIE else status, title.removeprefix("ray::").partition(".")[2]

    states = {pid: state(pid) for pid in pids}
    with ThreadPoolExecutor(8) as pool:  # py-spy may take its time for each
        frames = dict(zip(pids, pool.map(_frame, pids), strict=True))
    return {pid: (status, " at ".join(filter(None, (method, frames[pid])))) for pid, (status, method) in states.items()}


def _title(process) -> str:
    import psutil

    try:
        command = process.cmdline()
    except psutil.Error:  # it has just ended, or nobody has waited for it
        return ""
    return command[0] if command else ""


def _frame(pid: int) -> str:
    """The innermost frame of the thread that works; empty if all wait for calls, or where py-spy may not look.

    py-spy comes with ray[default].
    """
    spy = Path(sys.executable).parent / "py-spy"
    command = [str(spy), "dump", "--nonblocking", "--json", "--pid", str(pid)]
    try:
        output = subprocess.run(command, capture_output=True, timeout=10, check=True).stdout
        threads = json.loads(output)
    except (OSError, subprocess.SubprocessError, ValueError):
        return ""
    threads.sort(key=lambda thread: (thread["os_thread_id"] != pid, "AsyncIO" not in (thread["thread_name"] or "")))
    frames = [thread["frames"][0] for thread in threads if thread["frames"]]
    frames = [f for f in frames if f["name"].rpartition(".")[2] not in _IDLE]
    return f"{frames[0]['name']} ({Path(frames[0]['filename']).name}:{frames[0]['line']})" if frames else ""
