"""One process at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path, wait: bool) -> Iterator[None]:
    """Hold the lock of a file, which the kernel takes back when this process ends, however it ends.

    Where the file system has no locks, nothing is held.

    Raises:
        BlockingIOError: another process holds it and `wait` is False.
    """
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:
            pass
        yield
