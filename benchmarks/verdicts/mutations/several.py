r"""Mutations of answers with a mark or a unit, of equations, lists, tuples and intervals; unrelated answers."""

from __future__ import annotations

import re
from decimal import Decimal

from benchmarks.verdicts.golds import OTHER_UNITS, items, split


def element_dropped(body: str) -> str | None:
    """All but the last one, where that is no repetition."""
    parts = split(body)
    return ", ".join(parts[:-1]) if parts[-1] not in parts[:-1] else None


def element_added(body: str) -> str:
    """One more that is none of them."""
    return body + (", (77, 78)" if body.startswith("(") else ", 77777")


def element_doubled_in_place(body: str) -> str | None:
    """The first one again in place of the last one, where both differ."""
    parts = split(body)
    return ", ".join([*parts[:-1], parts[0]]) if len(set(parts)) == len(parts) else None


def element_changed(body: str) -> str | None:
    """The largest of the integers, one more: it was the only one of its value, and none is larger."""
    parts = split(body)
    if not all(re.fullmatch(r"-?\d+", part) for part in parts):
        return None
    largest = max(parts, key=int)
    return ", ".join(str(int(part) + 1) if part == largest else part for part in parts)


def element_alone(body: str) -> str | None:
    """The first one alone, where another one differs."""
    parts = split(body)
    return parts[0] if len(set(parts)) > 1 else None


def components_reversed(body: str) -> str | None:
    """Of a tuple the last component first, unless it reads the same."""
    parts = items(body)
    return f"({', '.join(reversed(parts))})" if parts != parts[::-1] else None


def component_changed(body: str) -> str:
    """The first component of the first tuple, plus 1. (No list has both.)"""
    head, *rest = split(body)
    first, *others = items(head)
    return ", ".join([f"({first}+1, {', '.join(others)})", *rest])


def component_dropped(body: str) -> str | None:
    """A tuple without its last component."""
    parts = items(body)
    return f"({', '.join(parts[:-1])})" if len(parts) > 2 else None


def as_closed_interval(body: str) -> str | None:
    """Brackets for a pair make it another thing."""
    return f"[{body[1:-1]}]" if body.startswith("(") and len(items(body)) == 2 else None


def end_flipped(body: str) -> str | None:
    """The last end closed instead of open, or open instead of closed."""
    other = {")": "]", "]": ")"}.get(body[-1])
    return body[:-1] + other if other else None


def first_end_flipped(body: str) -> str | None:
    """The first end closed instead of open or the other way round; not an infinite one."""
    return {"(": "[", "[": "("}[body[0]] + body[1:] if not body.startswith(r"(-\infty") else None


def part_of_union(body: str) -> str | None:
    """The first part alone."""
    return body.split(r"\cup")[0].strip() if r"\cup" in body else None


def widened(body: str) -> str:
    """One more part."""
    return rf"{body} \cup (100, 101)"


def complement(body: str) -> str:
    """All other numbers."""
    return rf"\mathbb{{R}} \setminus ({body})" if r"\cup" in body else rf"x \notin {body}"


def right_side_more(body: str) -> str:
    """a = b + 1."""
    return f"{body}+1"


def right_side_negated(body: str) -> str:
    """a = -(b): no right side here is 0."""
    left, right = body.split("=")
    return f"{left}=-({right.strip()})"


def right_side_doubled(body: str) -> str:
    """a = 2(b)."""
    left, right = body.split("=")
    return f"{left}=2({right.strip()})"


def as_inequality(body: str) -> str:
    """a > b."""
    return body.replace("=", ">")


def other_unit(body: str, its: str) -> str:
    """The number with another unit, which is another quantity."""
    return rf"{body} \text{{ {OTHER_UNITS[its]}}}"


def other_unit_plain(body: str, its: str) -> str:
    """The same without \\text."""
    return f"{body} {OTHER_UNITS[its]}"


def more_with_unit(body: str, its: str) -> str:
    """Another number with the unit."""
    return rf"({body}+1) \text{{ {its}}}"


def marked_more(body: str) -> str:
    """One more, with the mark."""
    number = re.match(r"-?\d+(?:\.\d+)?", body)[0]
    return body.replace(number, str(Decimal(number) + 1))


def in_radians(body: str) -> str:
    """The degrees as radians."""
    return re.match(r"-?\d+(?:\.\d+)?", body)[0] + r"\text{ radians}"


def mark_tenfold(body: str) -> str:
    """Ten times as much."""
    number = re.match(r"-?\d+(?:\.\d+)?", body)[0]
    return body.replace(number, str(Decimal(number) * 10))


def text(answer: str):
    """An answer that no gold of the data sets is."""

    def rule(body: str) -> str:
        return answer

    rule.__name__ = f"text {answer}"
    return rule


UNRELATED = tuple(
    text(a) for a in (r"\text{none}", "31415926", "x", r"\emptyset", r"\{\}", "?", r"\infty", "31415926 = 27182818")
)
UNIT = (other_unit, other_unit_plain, more_with_unit)
