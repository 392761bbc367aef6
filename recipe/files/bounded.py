"""Files of others, read within bounds. A folder that somebody sent may hold a pipe, which waits for ever, a link to a device
without an end, or terabytes of zeros that take no room on a disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

WHOLE = 2**26  # bytes of a file that is read whole; those of a run have some kilobytes
LINE = 2**24  # bytes of a line; a step's metrics have some ten kilobytes


def read_bounded(path: Path, largest: int = WHOLE) -> bytes:
    """What is in a file. ValueError, a reason without its name, for one that is larger or no file at all; OSError."""
    if path.exists() and not path.is_file():
        raise ValueError("is no file")
    with path.open("rb") as file:
        text = file.read(largest + 1)
    if len(text) > largest:
        raise ValueError(f"is larger than {largest >> 10:,} KiB")
    return text


def lines_bounded(path: Path) -> Iterator[bytes]:
    """The lines of a file with their ends. ValueError, with file and line, for one longer than LINE, or for no file at all."""
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is no file")
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LINE + 1):
            number += 1
            if len(line) > LINE:
                raise ValueError(f"{path}, line {number} is longer than {LINE >> 20} MiB; remove that line")
            yield line
