r"""Digits to a base, in the ways of writing it beside an index: `1101 (base 2)`, `1101 in binary`, `0b1101`."""

from __future__ import annotations

import re

_NAMES = {"binary": 2, "ternary": 3, "octal": 8, "hexadecimal": 16, "hex": 16}
_AFTER = re.compile(
    r"\(?(?P<digits>[0-9A-F]{1,200}|[0-9a-f]{1,200})\)?\s*[,_]?\s*[({]?\s*(?:in\s+)?"
    rf"(?:base[\s-]*(?P<base>\d{{1,2}})|(?P<name>{'|'.join(_NAMES)}))\s*[)}}]?"
)
_PREFIX = re.compile(r"0(?:b(?P<two>[01]+)|o(?P<eight>[0-7]+)|x(?P<sixteen>[0-9A-Fa-f]+))")
_PREFIXES = {"two": 2, "eight": 8, "sixteen": 16}
_SIGNS = re.compile(r"base|binary|ternary|octal|hex|0[box]")
_TEXT = re.compile(r"\\text\s*\{([^{}]*)\}")


def bases(text: str) -> str:
    r"""Digits to a base as `1101_{2}`; any other text as it is."""
    if not _SIGNS.search(text):
        return text
    bare = _TEXT.sub(r" \1 ", text).strip()
    if found := _PREFIX.fullmatch(bare):
        return f"{found[found.lastgroup].upper()}_{{{_PREFIXES[found.lastgroup]}}}"
    if found := _AFTER.fullmatch(bare):
        return f"{found['digits'].upper()}_{{{_NAMES.get(found['name']) or int(found['base'])}}}"
    return text
