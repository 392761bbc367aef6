"""A run as another program's child: asked to save by Ctrl-C or SIGTERM, and never left behind.

To be started with `start_new_session=True`, since a terminal sends Ctrl-C to all processes of its own, and Ray's would end at
once, and with `preexec_fn=die_with_parent`.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def asking(process: subprocess.Popen) -> Iterator[list[int]]:
    """Meanwhile signals to this process ask that one to end; yields the list that gets their numbers. In the main thread."""
    asked: list[int] = []

    def handle(number: int, _) -> None:
        asked.append(number)
        if len(asked) == 1:
            process.send_signal(signal.SIGTERM)
            name = signal.Signals(number).name
            text = f"\n{name}: saving what is trained, then ending, which may take a minute; Ctrl-C kills it at once\n"
            os.write(2, text.encode())  # print may be in the middle of a line
        elif number == signal.SIGINT:
            kill(process)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def kill(process: subprocess.Popen) -> None:
    """Kill it with all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # it leads a session of its own


def die_with_parent() -> None:
    """Ask Linux to end this process when its parent is killed, so that the next start never meets the rest of this one.

    SIGTERM would let it finish its step and save.
    """
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
