"""A worker whose server is gone ends with its engine, also while the engine waits for it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import ROOT
from verl_patches.orphans import ENGINE

WORKER = (
    "import time; from verl_patches.orphans import end_with_server; end_with_server(0.1); print(1, flush=True); time.sleep(300)"
)
# Starts the next one, waits for it as for an answer that never comes, and says both pids.
PARENT = """
import subprocess, sys
child = subprocess.Popen(sys.argv[2:], executable=sys.argv[1])
print(child.pid, flush=True)
child.wait()
"""


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def start(title):
    """A server with an engine of that title with a worker; the three pids."""
    worker = [sys.executable, "python", "-c", WORKER]
    engine = [sys.executable, title, "-c", PARENT, *worker]
    server = subprocess.Popen(
        [sys.executable, "-c", PARENT, *engine], stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    lines = [int(server.stdout.readline()) for _ in range(3)]  # the engine's pid, the worker's, and that it watches
    return server, lines[0], lines[1]


def gone_within(seconds, *pids):
    deadline = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not any(map(alive, pids))


@pytest.mark.parametrize("stopped", [False, True], ids=["running", "stopped"])
def test_engine_and_worker_end_with_the_server(stopped):
    server, engine, worker = start(f"{ENGINE}_DP0")
    try:
        time.sleep(0.5)
        assert alive(engine)
        assert alive(worker)  # the server lives, and so do they
        if stopped:
            server.send_signal(signal.SIGSTOP)
            time.sleep(0.5)
            assert alive(worker)  # which is no reason to end: it may go on
        server.kill()
        server.wait()
        assert gone_within(30, engine, worker)
    finally:
        end(server, engine, worker)


def test_a_worker_that_no_engine_has_started_is_left_alone():
    server, other, worker = start("ray::raylet")
    try:
        server.kill()
        server.wait()
        time.sleep(1)
        assert alive(worker)
    finally:
        end(server, other, worker)


def end(server, *pids):
    server.kill()
    for pid in pids:
        if alive(pid):
            os.kill(pid, signal.SIGKILL)
