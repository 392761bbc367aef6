"""What the report page of runs shows of a method, as plain data that a run writes down. Imports neither verl nor torch.

A method's metrics are named `<method>/<group>/<kind>`. A group reports at least `token_share`, its share of all response
tokens, and leaves its other metrics out in a step where it is empty. Of groups that report `loss`, the mean over their tokens,
the page shows the contributions to the loss too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from recipe.primitives.ranges import check_choice

FORMAT = 1
FILE = "display.json"  # in a run's folder
UNITS = ("share", "number")
LEVELS = 9  # of a colour scale
_COLOR = re.compile(r"(#[0-9a-f]{6})?")


@dataclass(frozen=True)
class Group:
    """A group of tokens.

    name: as in the names of its metrics.
    color, dark: `#rrggbb` on a light and on a dark page; empty: one of the page's own, and the same as the light one.
    faint: its curves are dashed and its tokens pale, beside those of the other groups.
    """

    name: str
    color: str = ""
    dark: str = ""
    faint: bool = False

    def __post_init__(self) -> None:
        _check_texts(self, "name", "color", "dark")
        for color in (self.color, self.dark):
            if not _COLOR.fullmatch(color):
                raise ValueError(f"group {self.name!r}: {color!r} is no color; write #rrggbb in small letters")


@dataclass(frozen=True)
class Family:
    """Metrics `<method>/<group>/<kind>` that each group has: a row of plots, one a run with a curve a group.

    unit: `share` (shown in percent) or `number`; what it is a number of stands in the caption.
    """

    kind: str
    title: str
    caption: str
    unit: str = "share"

    def __post_init__(self) -> None:
        _check_texts(self, "kind", "title", "caption")
        check_choice(f"unit of {self.kind!r}", self.unit, UNITS)


@dataclass(frozen=True)
class Curve:
    """A metric that a step has once: a plot with a curve a run, in one of the page's tabs `overview` and `prompts`."""

    metric: str
    title: str
    caption: str
    unit: str = "share"
    tab: str = "overview"

    def __post_init__(self) -> None:
        _check_texts(self, "metric", "title", "caption")
        check_choice(f"unit of {self.metric!r}", self.unit, UNITS)
        check_choice(f"tab of {self.metric!r}", self.tab, ("overview", "prompts"))


@dataclass(frozen=True)
class Area:
    """Some groups together; it has the color of the last."""

    name: str
    groups: tuple[str, ...]

    def __post_init__(self) -> None:
        _check_texts(self, "name")


@dataclass(frozen=True)
class Stack:
    """Token shares of areas on top of each other, in the page's tab `prompts`."""

    title: str
    caption: str
    areas: tuple[Area, ...]

    def __post_init__(self) -> None:
        _check_texts(self, "title", "caption")


@dataclass(frozen=True)
class Grouping:
    """How a column of the token dump says to which group a token belongs.

    borders: ascending; a token is of the first group up to the first border, of the second above it, and so on. Empty: the
        column holds the group's number from 1, 0 for none.
    negative: what a negative number says of a token beside its group, e.g. "detached".
    """

    column: str
    borders: tuple[float, ...] = ()
    negative: str = ""

    def __post_init__(self) -> None:
        _check_texts(self, "column", "negative")
        _check_ascending(f"borders of {self.column!r}", self.borders)


@dataclass(frozen=True)
class Column:
    """A column of the token dump of the method's own, for the token view.

    edges: eight, ascending, between the nine levels of a colour scale whose middle one is colourless. Empty: no such scale.
    """

    name: str
    label: str
    edges: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        _check_texts(self, "name", "label")
        _check_ascending(f"edges of {self.name!r}", self.edges)
        if len(self.edges) not in (0, LEVELS - 1):
            raise ValueError(f"the edges of {self.name!r} are {len(self.edges)}; give {LEVELS - 1} or none")


@dataclass(frozen=True)
class Display:
    """What a method says of its display.

    method: its name, with which its metrics begin. label: as people write it; empty: the name.
    groups: in their order; of a group's number n, the nth. group_word, groups_title: what the page calls one, and all of them.
    grouping: how the token dump tells them apart.
    families, curves, stack: of its metrics. columns: of its token dump.
    summary: kinds of the families that show a run in few numbers, for a table of its first and last step.
    """

    method: str
    label: str = ""
    groups: tuple[Group, ...] = ()
    group_word: str = "group"
    groups_title: str = "Groups"
    grouping: Grouping | None = None
    families: tuple[Family, ...] = ()
    curves: tuple[Curve, ...] = ()
    stack: Stack | None = None
    columns: tuple[Column, ...] = ()
    summary: tuple[str, ...] = ("token_share",)

    def __post_init__(self) -> None:
        _check_texts(self, "method", "label", "group_word", "groups_title")
        names = [group.name for group in self.groups]
        if len(set(names)) < len(names):
            raise ValueError(f"the display of {self.method!r} has two groups of one name: {', '.join(names)}")
        for area in self.stack.areas if self.stack else ():
            if unknown := [name for name in area.groups if name not in names] or not area.groups:
                raise ValueError(f"the area {area.name!r} is of {unknown or 'no group'}; the groups are {', '.join(names)}")
        if self.grouping and self.grouping.borders and len(self.grouping.borders) != len(names) - 1:
            raise ValueError(f"{len(self.grouping.borders)} borders do not split tokens into {len(names)} groups")

    @property
    def title(self) -> str:
        """The method as people write it."""
        return self.label or self.method

    @property
    def summary_metrics(self) -> list[str]:
        """The metrics that show a run in few numbers, group by group."""
        return [f"{self.method}/{group.name}/{kind}" for group in self.groups for kind in self.summary]

    def to_json(self) -> str:
        """As text for a file; `from_json` reads it."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Display:
        """What `to_json` wrote. ValueError, one sentence, if it is something else."""
        node = json.loads(text)
        if not isinstance(node, dict) or (found := node.pop("format", None)) != FORMAT:
            raise ValueError(f"it is of format {found!r}, not {FORMAT}" if isinstance(node, dict) else "it is no JSON object")
        try:
            return _build(cls, node)
        except (TypeError, AttributeError) as error:  # a key that is unknown or missing, a value that is no list
            raise ValueError(f"its keys are not those of a display ({error})") from None


_NESTED = {
    Display: {"groups": Group, "families": Family, "curves": Curve, "columns": Column, "grouping": Grouping, "stack": Stack},
    Stack: {"areas": Area},
}


def _build(cls: type, node: Mapping[str, Any]) -> Any:
    values = {}
    for key, value in node.items():
        kind = _NESTED.get(cls, {}).get(key)
        if isinstance(value, list):
            values[key] = tuple(_build(kind, item) if kind else item for item in value)
        else:
            values[key] = _build(kind, value) if kind and value is not None else value
    return cls(**values)


def _check_texts(owner: Any, *names: str) -> None:
    for name in names:
        if not isinstance(value := getattr(owner, name), str):
            raise ValueError(f"{name} of a {type(owner).__name__} is {value!r}; it must be a text")


def _check_ascending(what: str, values: tuple) -> None:
    numbers = all(isinstance(x, int | float) and not isinstance(x, bool) and abs(x) < float("inf") for x in values)
    if not numbers or any(b <= a for a, b in pairwise(values)):
        raise ValueError(f"the {what} are {values!r}; they must be numbers, each greater than the one before")
