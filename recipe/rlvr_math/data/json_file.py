"""Reading JSON and JSON lines row by row, numbers as they are written.

The `datasets` library infers one type a column: in a column of mixed types every answer becomes JSON text, and a whole number
of 23 digits becomes a float.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from recipe.rlvr_math.data.cells import Literal


def read_rows(source: str) -> Iterator[dict[str, Any]]:
    """The rows of a file or address: a list of objects, or an object a line. NaN and null are None.

    Raises:
        ValueError: what is wrong, and in which line; of no full sentence.
    """
    import fsspec

    with fsspec.open(source, "rt", encoding="utf-8") as lines:
        first = next((line for line in lines if line.strip()), "")
        if first.lstrip().startswith("["):
            yield from _objects(_parsed(first + lines.read(), "the file"))
            return
    with fsspec.open(source, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                row = _parsed(line, f"line {number}")
                if not isinstance(row, dict):
                    raise ValueError(f"line {number} is no JSON object")
                yield row


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text, parse_int=Literal, parse_float=Literal, parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where} is not JSON ({str(error) or type(error).__name__})") from None


def _objects(rows: list) -> Iterator[dict[str, Any]]:
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise ValueError(f"entry {number} of the list is no JSON object")
        yield row
