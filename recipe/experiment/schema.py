"""How the parts of an experiment file are: who asks for a key says of which kind it is; what nobody asks for is refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from recipe.text.visible import one_line

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)  # part of paths, job names and URLs


class Node:
    """A mapping of the file, and where in it that stands."""

    def __init__(self, content: Any, where: str, keys: Sequence[str]):
        if content is None:
            content = {}
        if not isinstance(content, dict):
            raise ValueError(f"{where} is {one_line(repr(content))}; it must be a mapping with {', '.join(keys)}")
        if unknown := [key for key in content if key not in keys]:
            raise ValueError(f"{where} has {one_line(str(unknown[0]))}, which is none of its keys: {', '.join(keys)}")
        self._content, self._where = content, where

    def has(self, key: str) -> bool:
        """Whether it is given."""
        return self._content.get(key) is not None

    def _found(self, key: str, kind: type | tuple, what: str, default: Any) -> Any:
        value = self._content.get(key)
        if value is None:
            value = default
        if isinstance(value, kind) and not isinstance(value, bool):
            return value
        if value is None:
            raise ValueError(f"{self._where} lacks {key}, {what}")
        raise ValueError(f"{key} of {self._where} is {one_line(repr(value))}; it must be {what}")

    def text(self, key: str, default: str | None = None) -> str:
        """A text."""
        return self._found(key, str, "a text", default)

    def name(self, key: str, default: str | None = None) -> str:
        """A text that may be a part of paths and job names."""
        return check_name(self.text(key, default), f"{key} of {self._where}")

    def optional(self, key: str) -> str | None:
        """A text, or nothing."""
        return None if self._content.get(key) is None else self.text(key)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; empty if there is none."""
        found = self._found(key, list, "a list of texts", [])
        if not all(isinstance(item, str) for item in found):
            raise ValueError(f"{key} of {self._where} is {one_line(repr(found))}; it must be a list of texts (quote them)")
        return tuple(found)

    def numbers(self, key: str, default: list[int]) -> tuple[int, ...]:
        """A list of different whole numbers from 0 on."""
        found = self._found(key, list, "a list of whole numbers", default)
        if not found or not all(type(item) is int and item >= 0 for item in found) or len(set(found)) < len(found):
            raise ValueError(f"{key} of {self._where} is {one_line(repr(found))}; it must be different whole numbers from 0 on")
        return tuple(found)

    def count(self, key: str, default: int | None) -> int | None:
        """A whole number of at least 1, or nothing."""
        value = self._content.get(key, default)
        if value is not None and (type(value) is not int or value < 1):
            raise ValueError(f"{key} of {self._where} is {one_line(repr(value))}; it must be a whole number of at least 1")
        return value

    def number(self, key: str) -> float:
        """A number above 0."""
        value = self._found(key, (int, float), "a number", None)
        if not value > 0:
            raise ValueError(f"{key} of {self._where} is {one_line(repr(value))}; it must be above 0")
        return float(value)

    def flag(self, key: str) -> bool:
        """Whether it is true; false by default."""
        value = self._content.get(key, False)
        if type(value) is not bool:
            raise ValueError(f"{key} of {self._where} is {one_line(repr(value))}; it must be true or false")
        return value

    def mapping(self, key: str) -> dict[str, Any]:
        """A mapping with any keys; empty if there is none."""
        found = self._found(key, dict, "a mapping", {})
        return {check_name(str(name), f"a key in {key} of {self._where}"): value for name, value in found.items()}

    def measures(self, key: str) -> dict[str, float]:
        """A mapping of names to numbers."""
        found = self.mapping(key)
        for name, value in found.items():
            if type(value) not in (int, float):
                raise ValueError(f"{key}.{name} of {self._where} is {one_line(repr(value))}; it must be a number")
        return {name: float(value) for name, value in found.items()}

    def node(self, key: str, keys: Sequence[str]) -> Node:
        """A mapping with these keys."""
        return Node(self._content.get(key), f"{key} of {self._where}", keys)


def check_name(given: str, where: str) -> str:
    """The name. ValueError for one with other characters than paths and job names may have."""
    if not NAME.fullmatch(given):
        raise ValueError(f"{where} is {one_line(repr(given))}; a name has letters, digits, - _ and ., at most 64")
    return given
