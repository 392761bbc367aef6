"""Writing a file or a folder so that nobody ever sees half of it, whenever the process or the machine dies."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a name beside `path` to write a file or a folder to, which at the end of the block takes the place of `path`.

    If the block raises, what it wrote is removed and `path` is as before. A killed process leaves `<name>.<pid>.part` behind.

    Raises:
        OSError: it cannot be written, the block wrote nothing, or `path` is a folder with something in it.
    """
    new = path.with_name(f"{path.name}.{os.getpid()}.part")
    _remove(new)
    try:
        yield new
        # Without this a machine that dies may keep the new name and lose what is in it.
        for file in [new, *new.rglob("*")] if new.is_dir() else [new]:
            _flush(file)
        os.replace(new, path)
    except BaseException:
        _remove(new)
        raise


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
