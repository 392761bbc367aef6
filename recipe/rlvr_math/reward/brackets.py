r"""What stands in which brackets of plain LaTeX, and outside of all."""

from __future__ import annotations

import re

TOKEN = re.compile(r"\\[A-Za-z]+|\\.|.", re.DOTALL)
_OPENING = ("(", "[", "{", r"\{", r"\langle", r"\lfloor", r"\lceil", r"\begin")
_CLOSING = (")", "]", "}", r"\}", r"\rangle", r"\rfloor", r"\rceil", r"\end")


def split(text: str, is_separator) -> tuple[list[str], list[str]]:
    """The separators outside of brackets, and the parts between them."""
    found, parts, depth = [], [""], 0
    for token in TOKEN.findall(text):
        depth += (token in _OPENING) - (token in _CLOSING)
        if depth == 0 and is_separator(token):
            found.append(token)
            parts.append("")
        else:
            parts[-1] += token
    return found, [part.strip() for part in parts]


def encloses(text: str, opening: str, closing: str) -> bool:
    """Whether the first bracket is closed by the last."""
    depth, tokens = 0, TOKEN.findall(text)
    for position, token in enumerate(tokens):
        depth += (token == opening) - (token == closing)
        if depth == 0:
            return position == len(tokens) - 1
    return False


_INTERVAL = re.compile(r"(^|\\(?:in|cup)(?![A-Za-z]))(\s*)([\[\]])([^\[\],;]+)([,;])([^\[\],;]+)([\[\]])(?=\s*(?:$|\\cup))")


def turned_brackets(text: str) -> str:
    r"""`]0,1[` and `[0,1[`, as intervals are written in French: `(0,1)` and `[0,1)`. Only whole intervals of a union."""
    if not re.match(r"[^\[]*\]|.*\[\s*(?:$|\\cup)", text):
        return text
    return _INTERVAL.sub(_turned, text)


def _turned(found: re.Match) -> str:
    before, space, opening, low, comma, high, closing = found.groups()
    return f"{before}{space}{'(' if opening == ']' else '['}{low}{comma}{high}{')' if closing == '[' else ']'}"
