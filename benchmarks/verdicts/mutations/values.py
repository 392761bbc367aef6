r"""Mutations of any one value: another one, and what holds the value but does not state it."""

from __future__ import annotations

import re


def plus_one(body: str) -> str:
    """(g) + 1."""
    return f"({body}) + 1"


def negated(body: str) -> str:
    """-(g): no gold of these kinds is 0."""
    return f"-({body})"


def twice(body: str) -> str:
    """2(g): no gold of these kinds is 0."""
    return f"2({body})"


def squared(body: str) -> str:
    """(g)^2: no gold of these kinds is 0 or 1."""
    return f"({body})^2"


def first_number(body: str) -> str | None:
    """The first number that is no index, exponent or digit of a decimal, one more."""
    return _number_changed(body, lambda numbers: numbers[0])


def last_number(body: str) -> str | None:
    """The last such number, one more."""
    return _number_changed(body, lambda numbers: numbers[-1])


def _number_changed(body: str, choose) -> str | None:
    numbers = [found for found in re.finditer(r"(?<![\d._^])(?<![_^]\{)\d+(?![\d.])", body) if found[0] not in ("0", "1")]
    if not numbers:
        return None
    found = choose(numbers)
    return body[: found.start()] + str(int(found[0]) + 1) + body[found.end() :]


def sign_inside(body: str) -> str | None:
    """The first plus between two terms turned into a minus: no term is 0. Not beside an arbitrary constant, of free sign."""
    if "C" in body or "c e" in body:
        return None
    changed = re.sub(r"(?<=[\w})]) ?\+ ?", " - ", body, count=1)
    return changed if changed != body else None


def other_letter(body: str) -> str | None:
    """Another variable. Not for an arbitrary constant, whose name is free."""
    letters = re.findall(r"(?<![\\A-Za-z_{])([a-z])(?![A-Za-z])", body)
    if not letters or letters[0] in "eic" or "w" in body:
        return None
    return re.sub(rf"(?<![\\A-Za-z]){letters[0]}(?![A-Za-z])", "w", body)


# What holds the value but does not state it. `g` is one value.


def relation(template: str, why: str):
    """A relation, range or list that the value satisfies or is in; `why` says why it is not the value (three are, for 0)."""

    def rule(body: str) -> str | None:
        return template.replace("@", body) if body != "0" or template not in ("|x| = @", "x^2 = @", "@ x") else None

    rule.__name__, rule.__doc__ = template, why
    return rule


VALUE = (
    relation(r"x > @", "a range of values"),
    relation(r"x \ge @", "a range of values"),
    relation(r"x \neq @", "every other value"),
    relation(r"|x| = @", "an equation for x, not its value"),
    relation(r"x^2 = @", "an equation for x, not its value"),
    relation(r"@, (@)+1", "a list of two values"),
    relation(r"@ \text{ or } (@)+1", "one of two values"),
    relation(r"\{@, (@)+1\}", "a set of two values"),
    relation(r"[@, @]", "an interval of one point, or a pair"),
    relation(r"(@, @)", "a pair"),
    relation(r"[(@)-1, (@)+1]", "an interval around the value"),
    relation(r"(@)-1 < x < (@)+1", "an interval around the value"),
    relation(r"@ \text{ to } (@)+1", "a range"),
    relation(r"\text{not } @", "the negation"),
    relation(r"@ + C", "a constant more"),
    relation(r"@ x", "times an unknown"),
)
# Not for decimals: 4.5e33 + 1 is 4.5e33 to its own digits.
FALSE = (
    relation(r"(@)+1 = @", "a false equation"),
    relation(r"@ = (@)+1", "a false equation, and the other value is last"),
)
SIGNS = (relation(r"\pm (@)", "two values: no gold of these kinds is 0"),)
