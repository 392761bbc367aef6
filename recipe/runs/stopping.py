"""How a run is asked to save and end: SIGUSR1 or SIGTERM to the driver, which leaves a file that the trainer looks for.

The trainer is an actor on some node of the cluster and busy until the run ends, so it cannot be called; the checkpoint
folder is the one place that both see. The trainer's part is in recovery.py.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

RUN_AGAIN = 85  # saved; the same command goes on
REQUEST = "stop_requested"  # the file, in the checkpoint folder
TRY_AGAIN = 75  # ended without progress by something that may not come again; EX_TEMPFAIL of sysexits.h
SIGNALS = (signal.SIGUSR1, signal.SIGTERM)
# Slurm sends SIGTERM and this project's job script SIGUSR1 at the same preemption: that is one request.
ONE_REQUEST_S = 20.0
heard = threading.Event()  # whether this process, a driver, was sent a signal


class Stopped(Exception):
    """The run ends because it was asked to, with a checkpoint of all that it has trained."""

    status = RUN_AGAIN


class StoppedUnsaved(Stopped):
    """The run ends because it was asked to, and has nothing newer than the checkpoint that was there."""

    status = TRY_AGAIN


def request_file(config) -> Path:
    """The file that asks for a stop; `touch` does it too."""
    return Path(config.trainer.default_local_dir) / REQUEST


def asked(config) -> bool:
    """Whether the request is there now."""
    return asked_in(request_file(config).parent)


def asked_in(folder: Path) -> bool:
    """Whether the request is in this folder now. Not, while the folder cannot be read: that alone ends no run.

    An NFS client remembers for up to a minute that there was no such file; when a folder is opened, it asks the server anew.
    """
    try:
        return REQUEST in os.listdir(folder)
    except OSError:
        return False


def forget(config) -> None:
    """Remove a request that an earlier run was still to answer."""
    heard.clear()
    try:
        request_file(config).unlink(missing_ok=True)
    except OSError as error:
        _say(f"warning: {request_file(config)} cannot be removed ({error}); if it is there, the run ends after its first step")


class OutOfPatience(KeyboardInterrupt):
    """Whoever asked for a stop has asked again.

    Ray's waits let no exception of a signal's handler through but a KeyboardInterrupt, and that as a plain one.
    """


def listen(config) -> None:
    """From now on, turn a signal to this process into a request. Call in the main thread, after `ray.init`.

    A further one after ONE_REQUEST_S raises OutOfPatience in the main thread: whoever sends it does not wait any longer.
    Nothing else is raised there, since it would end the run in whatever the main thread does.
    """
    file, since = request_file(config), None

    def request(number, _):
        nonlocal since
        name = signal.Signals(number).name
        if since is not None:
            if time.monotonic() - since > ONE_REQUEST_S:
                raise OutOfPatience
            return
        since = time.monotonic()
        heard.set()
        _say(f"{name}: saving the last step, or the one whose update goes on, then ending")
        if error := _leave(file):
            _say(f"{name}: the run cannot be told yet, since {file} cannot be written ({error}); trying again each second")
            threading.Thread(target=_leave_at_last, args=(file,), daemon=True).start()

    for number in SIGNALS:
        signal.signal(number, request)


def _leave(file: Path) -> OSError | None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    except OSError as error:
        return error
    return None


def _leave_at_last(file: Path) -> None:
    while _leave(file):
        time.sleep(1)


def _say(text: str) -> None:
    """On standard output, if somebody still reads it."""
    with contextlib.suppress(OSError, ValueError):  # ValueError: it was closed
        print(text, flush=True)
