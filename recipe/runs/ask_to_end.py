"""Ask the run that has a checkpoint folder to save and end, and wait until it has: what a pod does before it is taken away.

`python -m recipe.runs.ask_to_end FOLDER --within SECONDS`, on any machine that sees the folder. Where no run is alive it
returns at once and leaves no request, since pods end after a run, too. Alive is who holds the folder's lock; on a file system
without locks nobody can be told from a run, and the request is left and the time waited.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from recipe.runs.alone import NAME
from recipe.runs.stopping import REQUEST

POLL_S = 1.0


def alive(folder: Path) -> bool:
    """Whether a run has the folder, or, without locks, may have it."""
    file = folder / NAME
    if not file.exists():
        return False
    try:
        FileLock(file).acquire(timeout=0).lock.release()
    except Timeout:
        return True
    except (OSError, NotImplementedError):
        return True
    return False


def ask(folder: Path, within_s: float) -> bool:
    """Ask, and wait; whether no run has the folder any more."""
    deadline = time.monotonic() + within_s
    if not alive(folder):
        return True
    (folder / REQUEST).touch()
    while alive(folder):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; status 1 if the run is still there."""
    parser = argparse.ArgumentParser(prog="python -m recipe.runs.ask_to_end", description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="trainer.default_local_dir")
    parser.add_argument("--within", type=float, metavar="SECONDS", required=True, help="how long to wait for the end")
    given = parser.parse_args(arguments)
    try:
        ended = ask(given.folder, given.within)
    except OSError as error:
        print(f"error: the run in {given.folder} cannot be asked to end: {error}", file=sys.stderr)
        return 1
    return 0 if ended else 1


if __name__ == "__main__":
    raise SystemExit(main())
