"""A value of a data set as text, exactly as the publisher wrote it: 23 digits stay 23 digits, "007" stays "007"."""

from __future__ import annotations

import re
from typing import Any

_DOLLAR = re.compile(r"(?<!\\)\$")
_WHOLE = re.compile(r"([+-]?\d+)\.0+", re.ASCII)


class Literal(str):
    """A number as it stands in a JSON file. A float would lose digits, and 1.50 its last one."""


def answer_text(value: Any) -> str | None:
    """An answer as text; None if there is none.

    27.0 becomes 27 (the AMC 2023 file has its integers so), a boolean `True` or `False`, a list its entries with commas between
    them, each without its dollar signs, and a list in a list a tuple in parentheses. Anything else stays to the letter.
    """
    if value is None:
        return None
    if isinstance(value, list):
        return ", ".join(map(_entry, value)) if value else None
    if isinstance(value, Literal):
        whole = _WHOLE.fullmatch(value)
        return whole[1] if whole else str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)  # beyond, digits are made up
    if isinstance(value, dict):
        raise ValueError(
            f"the answer is an object with the keys {', '.join(map(str, value))}; it must be a text, number or list"
        )
    return str(value)


def _entry(value: Any) -> str:
    if isinstance(value, list):
        return f"({', '.join(map(_entry, value))})"
    return _DOLLAR.sub("", answer_text(value) or "").strip()


def prompt_text(value: Any) -> str | None:
    """A prompt as text: that of the user's message, where it is a conversation with just one; None if there is none."""
    if isinstance(value, list):
        users = [message["content"] for message in value if isinstance(message, dict) and message.get("role") == "user"]
        return users[0] if len(users) == 1 else None  # a longer conversation is no problem
    return None if value is None else str(value)
