"""What the processes of a run do, seen from their own node. Ray sends these functions to the workers, which import them."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from verl_patches.ray_processes import method_of, title

ANSWERING = ("running", "sleeping")  # of psutil's states, those in which a process may go on by itself
_IDLE = ("main_loop", "wait", "select", "run_forever", "poll")


def look(pids: list[int]) -> dict[int, tuple[str, str]]:
    """The state of each process, and what it does: Ray's title with the method that runs, and the innermost Python frame."""
    import psutil

    def state(pid):
        try:
            process = psutil.Process(pid)
            status, doing = process.status(), method_of(title(process))
        except psutil.Error:
            return "gone", ""
        return "dead" if status == psutil.STATUS_ZOMBIE else status, doing

    states = {pid: state(pid) for pid in pids}
    with ThreadPoolExecutor(8) as pool:  # py-spy may take its time for each
        frames = dict(zip(pids, pool.map(_frame, pids), strict=True))
    return {pid: (status, " at ".join(filter(None, (method, frames[pid])))) for pid, (status, method) in states.items()}


def gone_of(pids: list[int]) -> list[int]:
    """Those that have ended."""
    import psutil

    def ended(pid):
        try:
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    return [pid for pid in pids if ended(pid)]


def bytes_moved(pids: list[int | str]) -> dict[int | str, int]:
    """How much each process has read and written so far, by Linux's counters; those that cannot be looked at are left out.

    Sockets and mapped files are not in them.
    """
    found = {}
    for pid in pids:
        try:
            counters = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
        except OSError:
            continue
        found[pid] = int(counters["rchar"]) + int(counters["wchar"])
    return found


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
    frames = [f for f in frames if f["name"].rpartition(".")[2] not in _IDLE and not f["filename"].endswith("threading.py")]
    return f"{frames[0]['name']} ({Path(frames[0]['filename']).name}:{frames[0]['line']})" if frames else ""
