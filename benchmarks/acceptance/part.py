"""What the parts of the layers share: they are started with their options and the file for what they measure."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path


def run(measure: Callable[[dict, Callable[..., None]], None]) -> None:
    """Call `measure(options, put)`; each `put(**{name: value})` is in the file at once, so that a crash later loses nothing."""
    options, out = json.loads(sys.argv[1]), Path(sys.argv[2])
    found = {}

    def put(values: dict) -> None:
        found.update(values)
        out.write_text(json.dumps(found))

    measure(options, put)
