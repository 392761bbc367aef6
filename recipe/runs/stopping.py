"""How a run is asked to save and end: SIGUSR1 or SIGTERM to the driver, which leaves a file that the trainer looks for.

The trainer is an actor on some node of the cluster and busy until the run ends, so it cannot be called; the checkpoint
folder is the one place that both see. After the step it is in, it saves, and the driver exits with RUN_AGAIN.
"""

from __future__ import annotations

import signal
from pathlib import Path

SIGNALS = (signal.SIGUSR1, signal.SIGTERM)


class Stopped(Exception):
    """The run has saved a checkpoint and ends because it was asked to."""


def request_file(config) -> Path:
    """The file that asks for a stop; `touch` does it too."""
    return Path(config.trainer.default_local_dir) / "stop_requested"


def forget(config) -> None:
    """Remove a request that an earlier run was still to answer."""
    request_file(config).unlink(missing_ok=True)


def listen(config) -> None:
    """From now on, turn a signal to this process into a request. Call in the main thread, after `ray.init`."""
    file = request_file(config)

    def request(number, _):
        print(f"{signal.Signals(number).name}: saving a checkpoint after this step, then ending", flush=True)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()

    for number in SIGNALS:
        signal.signal(number, request)
