"""From the columns of a data set to what it states about an answer (`recipe.rlvr_math.reward.stated`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from recipe.rlvr_math.data.cells import answer_text
from recipe.rlvr_math.reward.stated import FIELDS, Stated, exact_error

_NONE = ("", "null", "none", "nan")
_DOLLAR = re.compile(r"(?<!\\)\$")


def statement(found: Mapping[str, Any]) -> tuple[Stated, dict[str, str]]:
    """What the columns say, and their values that nobody can use: an error that is no number, a truth value of "maybe"."""
    values: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for name in FIELDS:
        value = found.get(name)
        text = "" if value is None else _DOLLAR.sub("", str(value)).strip()
        if text.lower() in _NONE:
            continue
        if name == "is_multiple_answer":
            values[name] = {"true": True, "false": False}.get(text.lower())
        elif name == "error":
            text = answer_text(value) if not isinstance(value, str) else text
            values[name] = text if exact_error(text) is not None else None
        else:
            values[name] = text
        if values[name] is None:
            wrong[name] = text
    return Stated(**values), wrong
