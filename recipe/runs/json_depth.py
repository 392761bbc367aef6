"""How deep a JSON file is nested, told from its brackets before a parser reads it.

pyarrow, with which verl reads JSON, ends the whole process by a segmentation fault on 20,000 levels.
"""

from __future__ import annotations

import re

import numpy as np

DEEPEST = 100  # as in parquet files
_BLOCK = 2**24
_STRING = re.compile(rb'"[^"\n]*"?')  # no string of JSON's has a line end in it
_OTHERS = bytes(set(range(256)) - set(b'"[]{}\n'))
_STEPS = np.zeros(256, np.int8)
_STEPS[list(b"[{")], _STEPS[list(b"]}")] = 1, -1


def refuse_deep(file: str) -> None:
    """ValueError, without the file's name, for lists and mappings more than DEEPEST levels in each other."""
    depth, line = 0, 1
    with open(file, "rb") as opened:
        while block := opened.read(_BLOCK) + opened.readline():
            # An escaped backslash first, since a quote after it ends the string.
            plain = block.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _OTHERS)
            brackets = np.frombuffer(_STRING.sub(b"", plain), np.uint8)
            depths = depth + np.cumsum(_STEPS[brackets], dtype=np.int64)
            depths -= np.minimum(np.minimum.accumulate(depths), 0)  # what was closed too often hides nothing after it
            if len(depths) and depths.max() > DEEPEST:
                place = int(np.argmax(depths > DEEPEST))
                line += int(np.count_nonzero(brackets[:place] == ord("\n")))
                raise ValueError(f"is nested deeper than {DEEPEST} levels in line {line}, which no reader of JSON survives")
            depth = int(depths[-1]) if len(depths) else depth
            line += block.count(b"\n")
