"""Keys with a letter wrong, which nobody reads: Hydra adds what has a + before it, and what a preset of one's own holds."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

# Of difflib's ratio: one letter of seven is wrong, or a syllable of a long name. What people add in good faith, such as engine
# arguments and variables of the environment, has no neighbour as near as that.
_NEAR = 0.85
# Their names are Ray's and the model's or Megatron's: num_gpus is as good as the num_cpus that is there.
_OTHERS_NAMES = re.compile(r"(^|\.)(ray_init|override_\w+)(\.|$)")


def refuse_misspelt(tree: dict, known: Iterable[str]) -> None:
    """Raise ValueError for a key that is not known and looks like a known one beside it.

    One that looks like none is left alone, since code of the user's own, such as a data set, may read it.

    known: the dotted keys of verl's and the project's own configs.
    """
    beside = _beside(known)
    for path, node in _mappings(tree):
        names = beside.get(path, {})
        if not names or _OTHERS_NAMES.search(path):
            continue
        for name in (name for name in node if name not in names):
            near = difflib.get_close_matches(name, names, n=1, cutoff=_NEAR)
            if near and not ("_target_" in node and _is_field(name)):
                key, meant = (f"{path}.{name}".lstrip(".") for name in (name, near[0]))
                raise ValueError(
                    f"nothing reads {key}; did you mean {meant}? (If code of your own reads it, give it a name less like that.)"
                )


def keys_of(file: Path) -> Iterator[str]:
    """The dotted keys of a config file, as it is written."""
    for path, node in _mappings(yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader)):
        yield from (f"{path}.{name}".lstrip(".") for name in node)


def _mappings(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict]]:
    """(dotted key, mapping) of all mappings, each before those in it."""
    yield path, node
    for name, value in node.items():
        if isinstance(value, dict):
            yield from _mappings(value, f"{path}.{name}".lstrip("."))


def _beside(known: Iterable[str]) -> dict[str, dict[str, None]]:
    """The known names in each mapping."""
    found: dict[str, dict[str, None]] = {}
    for key in known:
        while key:
            key, _, name = key.rpartition(".")
            found.setdefault(key, {})[name] = None
    return found


@cache
def _is_field(name: str) -> bool:
    """Whether a class in verl has the name as a field, which verl's configs may lack. Read as text, before verl is imported."""
    field = re.compile(rf"^    {re.escape(name)}:", re.MULTILINE)
    folder = Path(find_spec("verl").submodule_search_locations[0])
    return any(field.search(file.read_text(encoding="utf-8", errors="replace")) for file in folder.rglob("*.py"))
