"""YAML of others, read within bounds: a few hundred bytes of it can stand for more than a machine holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from recipe.files.bounded import read_bounded

LARGEST, DEEPEST = 2**19, 64  # bytes; lists and mappings in each other
_LONG, _BITS = 1000, 64  # characters and size of a whole number


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """Without numbers that take long to read or to write, or, as keys, to find: multiples of 2**61 - 1 have one hash."""


class _TooLong(ValueError):
    pass


def _whole_number(loader: _Loader, node: yaml.ScalarNode) -> int:
    if len(node.value) <= _LONG:
        number = loader.construct_yaml_int(node)
        if number.bit_length() <= _BITS:
            return number
    raise _TooLong(f"has a number of more than {_BITS} bits in line {node.start_mark.line + 1}")


_Loader.add_constructor("tag:yaml.org,2002:int", _whole_number)


def read_plain(path: Path) -> Any:
    """What a YAML file holds. OSError; ValueError, a reason without the file's name, as `load_plain`."""
    return load_plain(read_bounded(path, LARGEST))


def load_plain(text: bytes) -> Any:
    """What a document holds. ValueError, a reason with its line, for what is no YAML, or is too large, too deep or refers back.

    Aliases (`*name`), which multiply what they stand for, are in no file that Hydra or this project writes.
    """
    if len(text) > LARGEST:
        raise ValueError(f"is larger than {LARGEST >> 10} KiB")
    depth = 0
    try:
        for event in yaml.parse(text, _Loader):  # no recursion, nothing is built
            line = event.start_mark.line + 1
            if isinstance(event, yaml.AliasEvent):
                raise ValueError(f"has an alias (*{event.anchor}) in line {line}")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                raise ValueError(f"is nested deeper than {DEEPEST} levels in line {line}")
    except yaml.YAMLError as error:
        raise _invalid(error) from None
    try:
        return yaml.load(text, _Loader)
    except _TooLong:
        raise
    except Exception as error:  # of a tag's constructor, e.g. for a date or a number that is none
        raise _invalid(error) from None


def _invalid(error: Exception) -> ValueError:
    mark = getattr(error, "problem_mark", None)
    return ValueError(f"is not valid YAML{f' (line {mark.line + 1})' if mark else ''}")
