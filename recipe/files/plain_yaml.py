"""YAML of others, read within bounds: a few hundred bytes of it can stand for more than a machine holds."""

from __future__ import annotations

from typing import Any

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
LARGEST, DEEPEST = 4 * 2**20, 64  # bytes; lists and mappings in each other


def load_plain(text: bytes) -> Any:
    """What a document holds. ValueError, a reason with its line, for what is no YAML, or is too large, too deep or refers back.

    Aliases (`*name`), which multiply what they stand for, are in no file that Hydra or this project writes.
    """
    if len(text) > LARGEST:
        raise ValueError(f"is larger than {LARGEST >> 20} MiB")
    depth = 0
    try:
        for event in yaml.parse(text, _LOADER):  # no recursion, nothing is built
            line = event.start_mark.line + 1
            if isinstance(event, yaml.AliasEvent):
                raise ValueError(f"has an alias (*{event.anchor}) in line {line}")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                raise ValueError(f"is nested deeper than {DEEPEST} levels in line {line}")
    except yaml.YAMLError as error:
        raise _invalid(error) from None
    try:
        return yaml.load(text, _LOADER)
    except Exception as error:  # of a tag's constructor, e.g. for a date or a number that is none
        raise _invalid(error) from None


def _invalid(error: Exception) -> ValueError:
    mark = getattr(error, "problem_mark", None)
    return ValueError(f"is not valid YAML{f' (line {mark.line + 1})' if mark else ''}")
