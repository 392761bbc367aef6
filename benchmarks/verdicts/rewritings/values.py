r"""Rewritings of any one value."""

from __future__ import annotations

import re

from benchmarks.verdicts.golds import split

# Any one value.


def in_parentheses(body: str) -> str:
    """(g) is g."""
    return f"({body})"


def plus_zero(body: str) -> str:
    """g + 0 is g."""
    return f"{body} + 0"


def halved_double(body: str) -> str:
    """2g/2 is g."""
    return rf"\frac{{2({body})}}{{2}}"


def minus_minus(body: str) -> str:
    """-(-g) is g."""
    return f"-(-({body}))"


def times_one(body: str) -> str:
    r"""1 \times g is g."""
    return rf"1 \times ({body})"


def last_term_first(body: str) -> str | None:
    """a + b is b + a: the terms between top-level plus signs, the other way round."""
    terms = split(body, "+")
    if len(terms) < 2 or body.startswith(("-", "+")) or any(term.endswith((r"\left", r"\right")) for term in terms):
        return None
    return " + ".join(reversed(terms))


def unicode(body: str) -> str | None:
    r"""Unicode's signs for what has one: pi, roots of digits, squares and cubes, minus, dot, infinity."""
    text = re.sub(r"\\sqrt\{(\d+)\}", lambda match: f"√{match[1]}" if len(match[1]) == 1 else f"√({match[1]})", body)
    text = re.sub(r"\\pi(?![A-Za-z])", "π", text)
    squares = r"(?<=[A-Za-zπ0-9)])\^(?:\{([23])\}|([23])(?!\d))"
    text = re.sub(squares, lambda match: "²³"[int(match[1] or match[2]) - 2], text)
    text = re.sub(r"(?<![\^_{])-(?![\d ]*/)", "\N{MINUS SIGN}", text).replace(r"\cdot", "·").replace(r"\infty", "∞")
    return text if text != body else None


def root_as_power(body: str) -> str | None:
    r"""\sqrt{b} is b^{1/2}."""
    text = re.sub(r"\\sqrt\{(\d+)\}", r"\\cdot \1^{1/2}", body)
    text = re.sub(r"(^|[{(+-]|(?<=\\infty), ?)\s*\\cdot ", r"\1", text)
    return text if r"\sqrt{" in body and r"\sqrt" not in text else None


def under_the_root(body: str) -> str | None:
    r"""a\sqrt{b} is \sqrt{a^2 b} for a > 0."""
    found = re.fullmatch(r"(\d+) ?\\sqrt\{(\d+)\}", body)
    return rf"\sqrt{{{int(found[1]) ** 2 * int(found[2])}}}" if found else None
