r"""Rewritings of answers with a percent or degree sign or a unit, of equations, lists, tuples and intervals."""

from __future__ import annotations

import re
from decimal import Decimal

from benchmarks.verdicts.golds import items, split

# Percent and degrees.


def mark(*ways: str):
    """The mark in another way, or none: an answer without a unit is accepted."""

    def rule(body: str) -> str:
        return re.match(r"-?\d+(?:\.\d+)?", body)[0] + ways[0]

    rule.__name__ = f"mark {ways[0] or 'left out'}"
    return rule


def percent_as_number(body: str) -> str:
    """62.5 % is 0.625."""
    return f"{Decimal(re.match(r'[0-9.]+', body)[0]) / 100:f}"


# Equations.


def sides_swapped(body: str) -> str:
    """a = b is b = a."""
    left, right = body.split("=")
    return f"{right.strip()} = {left.strip()}"


def value_alone(body: str) -> str | None:
    """The right side, where the left one only names what was asked for: a letter or f(x)."""
    left, right = body.split("=")
    return right.strip() if re.fullmatch(r"[A-Za-z](_\{[^{}]*\})?(\([a-z]\))?", left.strip()) else None


def difference_zero(body: str) -> str | None:
    """a = b is a - (b) = 0. Not for words such as MR."""
    left, right = body.split("=")
    return f"{left.strip()} - ({right.strip()}) = 0" if not re.search("[A-Z]{2}", body) else None


# Several values. Their order does not matter, which is what the data sets say of several answers.


def reversed_order(body: str) -> str:
    """The last one first."""
    return ", ".join(reversed(split(body)))


def joined_by_and(body: str) -> str:
    """`and` before the last one."""
    parts = split(body)
    return ", ".join(parts[:-1]) + r" \text{ and } " + parts[-1]


def joined_by_or(body: str) -> str | None:
    """`or` between two: both are answers."""
    parts = split(body)
    return rf"{parts[0]} \text{{ or }} {parts[1]}" if len(parts) == 2 else None


def as_set(body: str) -> str | None:
    """In set braces, where all are different."""
    parts = split(body)
    return rf"\{{{', '.join(parts)}\}}" if len(set(parts)) == len(parts) and "=" not in body else None


def each_named(body: str) -> str | None:
    """x = a, x = b."""
    parts = split(body)
    return None if "=" in body or "x" in body else ", ".join(f"x = {part}" for part in parts)


def each_doubled(body: str) -> str | None:
    """Every value as 2g/2."""
    parts = split(body)
    return None if "=" in body else ", ".join(rf"\frac{{2({part})}}{{2}}" for part in parts)


# Tuples and intervals.


def components_doubled(body: str) -> str:
    """Every component as 2g/2."""
    return "(" + ", ".join(rf"\frac{{2({part})}}{{2}}" for part in items(body)) + ")"


def pair_named(body: str) -> str | None:
    """(x, y) = (a, b)."""
    return f"(x, y) = {body}" if len(items(body)) == 2 else None


def in_interval(body: str) -> str:
    r"""x \in I is how the set of all x is written."""
    return rf"x \in {body}"


def as_inequality(body: str) -> str | None:
    """The same set by inequalities, for one interval."""
    if "cup" in body:
        return None
    low, high = split(body[1:-1])
    if low == r"-\infty":
        return f"x {'<' if body[-1] == ')' else '≤'} {high}"
    return low + (" < " if body[0] == "(" else r" \leq ") + "x" + (" < " if body[-1] == ")" else r" \le ") + high


def union_reversed(body: str) -> str | None:
    """A union has no order."""
    parts = re.split(r"\s*\\cup\s*", body)
    return r" \cup ".join(reversed(parts)) if len(parts) > 1 else None


def unit(way: str):
    """The unit of the gold in another type, or none."""

    def rule(body: str, its: str) -> str:
        return body + way.replace("@", its)

    rule.__name__ = f"unit {way or 'left out'}"
    return rule


UNIT = (unit(r"\text{ @}"), unit(r"\,\mathrm{@}"), unit(r"~\text{@}"), unit(" @"), unit(""))
