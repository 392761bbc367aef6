"""Parts of a manifest laid over another, as people expect it of Kubernetes: lists of named things are merged by their names."""

from __future__ import annotations

from typing import Any

_NAMES = ("mountPath", "name", "groupName")  # a volume may be mounted at several paths


def merged(below: Any, above: Any) -> Any:
    """`above` laid over `below`: mappings by key, lists of named items by name, all else as a whole; null removes a key."""
    if isinstance(below, dict) and isinstance(above, dict):
        both = below | {key: merged(below.get(key), value) for key, value in above.items()}
        return {key: value for key, value in both.items() if not (key in above and above[key] is None)}
    if isinstance(above, dict):
        return {key: merged(None, value) for key, value in above.items() if value is not None}
    if isinstance(below, list) and isinstance(above, list) and (key := _key(below + above)):
        items = {item[key]: item for item in below}
        for item in above:
            items[item[key]] = merged(items.get(item[key]), item)
        return list(items.values())
    return above


def _key(items: list) -> str | None:
    """By which all of these are told apart."""
    same = (key for key in _NAMES if items and all(isinstance(item, dict) and key in item for item in items))
    return next(same, None)
