"""The labelled parts of an answer: `(a) 12 (b) 7`, `a) 12, b) 7`, `Part (i): 12; Part (ii): 7`."""

from __future__ import annotations

import re

_LABEL = re.compile(
    r"(?<![A-Za-z\d\\(])(?:[Pp]art\s+)?(?:\(\s?(?P<both>[a-h]|iv|v|i{1,3}|[1-8])\s?\)|(?P<half>[a-h]|iv|v|i{1,3}|[1-8])\))(?:\s*[:=.]|\s)\s*"
)
_ORDERS = (*"abcdefgh",), ("i", "ii", "iii", "iv", "v"), (*"12345678",)
_TEXT_LABEL = re.compile(r"\\text\s*\{((?:\s*[Pp]art)?\s*\(?(?:[a-h]|iv|v|i{1,3}|[1-8])\)\s*[:=.]?\s*)\}")
_OPERATOR_AT_END = re.compile(r"(?:[-+*/^=<>(\[{,]|\\[a-z]+)\Z")


def labelled(text: str) -> list[str] | None:
    """The texts of two or more parts whose labels are in order from the first on; None if that is not what `text` is."""
    if ")" not in text:
        return None
    bare = _TEXT_LABEL.sub(r" \1 ", text).strip()
    labels = list(_LABEL.finditer(bare))
    if len(labels) < 2 or labels[0].start():
        return None
    names = tuple(label["both"] or label["half"] for label in labels)
    ends = [label.start() for label in labels[1:]] + [len(bare)]
    found = [
        re.sub(r"\s*(?:[,;.]|\\text\s*\{\s*and\s*\}|(?<![A-Za-z])and)*\s*\Z", "", bare[label.end() : end])
        for label, end in zip(labels, ends, strict=True)
    ]
    in_order = any(names == order[: len(names)] for order in _ORDERS)
    return found if in_order and all(part and not _OPERATOR_AT_END.search(part) for part in found) else None
