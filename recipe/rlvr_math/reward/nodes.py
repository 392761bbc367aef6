r"""The kinds of answers: what `reading` makes of a text and `equality` compares."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Value:
    """One value: an expression, the name of its unit, and of a gold the error that a data set states."""

    text: str
    unit: str | None = None
    error: Fraction | None = None


@dataclass(frozen=True)
class Several:
    """Several answers: a list, a set in braces, `\\pm`. In no order, unless they are the labelled parts of an answer."""

    items: tuple
    in_order: bool = False


@dataclass(frozen=True)
class Group:
    """A tuple, or an interval: items in order between brackets. `is_tuple` where it is stated to be no interval."""

    opening: str
    items: tuple
    closing: str
    is_tuple: bool = False


@dataclass(frozen=True)
class Chain:
    """Parts with relations between them: `x = 2 + 2 = 4`, `1 <= x < 4`. The parts are plain LaTeX."""

    parts: tuple[str, ...]
    relations: tuple[str, ...]


@dataclass(frozen=True)
class Sets:
    """Sets joined by one operation, `\\cup` or `\\setminus`."""

    operation: str
    items: tuple


@dataclass(frozen=True)
class Builder:
    """`\\{x : condition\\}`."""

    name: str
    condition: object


@dataclass(frozen=True)
class Matrix:
    """Rows of nodes."""

    rows: tuple[tuple, ...]


@dataclass(frozen=True)
class Based:
    """Digits to a base. It is met by the same digits to the same base, so that "write 5 to base 2" is not met by 5."""

    digits: str
    base: int


@dataclass(frozen=True)
class Colon:
    """A time or a ratio: `10:30`, `3:2`. `is_ratio` where it can be no time."""

    parts: tuple
    is_ratio: bool = False


@dataclass(frozen=True)
class Words:
    """Text; case and spaces do not matter."""

    text: str


@dataclass(frozen=True)
class Either:
    """Two readings."""

    readings: tuple


Node = Value | Several | Group | Chain | Sets | Builder | Matrix | Based | Colon | Words | Either
REALS, EMPTY = Words("\\mathbb{R}"), Several(())


def kind(node: Node) -> str:
    """The kind in words."""
    return {Value: "one value", Several: "list", Group: "tuple or interval", Chain: "relation", Sets: "union"}.get(
        type(node), type(node).__name__.lower()
    )
