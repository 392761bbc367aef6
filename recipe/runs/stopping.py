"""How a run is asked to save and end: SIGUSR1 or SIGTERM to the driver, which leaves a file that the trainer looks for.

The trainer is an actor on some node of the cluster and busy until the run ends, so it cannot be called; the checkpoint
folder is the one place that both see. The trainer's part is in recovery.py.
"""

from __future__ import annotations

import signal
import time
from pathlib import Path

RUN_AGAIN = 85  # saved; the same command goes on
TRY_AGAIN = 75  # ended without progress by something that may not come again; EX_TEMPFAIL of sysexits.h
SIGNALS = (signal.SIGUSR1, signal.SIGTERM)
# Slurm sends SIGTERM and this project's job script SIGUSR1 at the same preemption: that is one request.
ONE_REQUEST_S = 20.0


class Stopped(Exception):
    """The run ends because it was asked to, with a checkpoint of all that it has trained."""

    status = RUN_AGAIN


class StoppedUnsaved(Stopped):
    """The run ends because it was asked to, and has nothing newer than the checkpoint that was there."""

    status = TRY_AGAIN


def request_file(config) -> Path:
    """The file that asks for a stop; `touch` does it too."""
    return Path(config.trainer.default_local_dir) / "stop_requested"


def forget(config) -> None:
    """Remove a request that an earlier run was still to answer."""
    request_file(config).unlink(missing_ok=True)


class OutOfPatience(KeyboardInterrupt):
    """Whoever asked for a stop has asked again.

    Ray's waits let no exception of a signal's handler through but a KeyboardInterrupt, and that as a plain one.
    """


def listen(config) -> None:
    """From now on, turn a signal to this process into a request. Call in the main thread, after `ray.init`.

    A further one after ONE_REQUEST_S raises OutOfPatience in the main thread: whoever sends it does not wait any longer.
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
        print(f"{name}: saving the last step, or the one whose update goes on, then ending", flush=True)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        except OSError as error:
            print(f"{name}: the run cannot be told, since {file} cannot be written: {error}", flush=True)

    for number in SIGNALS:
        signal.signal(number, request)
