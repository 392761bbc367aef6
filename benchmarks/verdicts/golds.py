"""The published answers and what kind of thing each is, told by its text alone (no grader is asked)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("golds.jsonl")

_INTEGER = re.compile(r"[+-]?\d+")
_DECIMAL = re.compile(r"-?\d+\.\d+(?:e-?\d+)?|-?\d+e-?\d+")
_FRACTION = re.compile(r"(-?)\\frac\{(-?\d+)\}\{(\d+)\}|(-?)(\d+)\.?/(\d+)")
_MARKED = re.compile(r"(-?\d+(?:\.\d+)?)\s*(%|\\%|\^\{?\\circ\}?)")
_COMMAND = re.compile(r"\\[A-Za-z]+")
_UNITS = {"minute": "minute", "minutes": "minutes", "min": "min", "km": "km", "km/h": "km/h", "$cm^2$": "cm^2"}
OTHER_UNITS = {"minute": "hours", "minutes": "hours", "min": "hours", "km": "m", "km/h": "m/s", "cm^2": "m^2"}


@dataclass(frozen=True)
class Gold:
    """A published answer: where it is from, its text without dollar signs and unit, its kind, and the unit.

    kind: integer, decimal, fraction, percent, degree, scalar (an expression of numbers only), expression (with variables),
    equation, list, tuple, tuples (a list of them), interval, other.
    """

    source: str
    body: str
    kind: str
    unit: str | None = None

    @property
    def text(self) -> str:
        """What a grader is given as the right answer."""
        return rf"{self.body} \text{{ {self.unit}}}" if self.unit else self.body


def load() -> list[Gold]:
    """All 1,017, in the order of the data sets."""
    golds = []
    for line in FILE.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        body = re.sub(r"\$ \$", " ", row["gold"]).replace("$", "").strip().removesuffix(".").removeprefix(r"\quad").strip()
        if row.get("unit") == "%":
            body += r" \%"
        unit = _UNITS.get(row.get("unit"))
        golds.append(Gold(row["set"], body, kind_of(body, row.get("type")), unit))
    return golds


def kind_of(body: str, stated: str | None = None) -> str:
    """The kind of an answer; `stated` is OlympiadBench's `answer_type`."""
    if re.search(r"where|np\.|angle|mho|t\(0|geq|I\(0\)$|\\prime|\\dot|\\ddot|\\frac\{ ?d|\\delta|u\(t\)|pi k", body):
        return "other"
    for kind, pattern in (("integer", _INTEGER), ("decimal", _DECIMAL), ("fraction", _FRACTION)):
        if pattern.fullmatch(body):
            return kind
    if marked := _MARKED.fullmatch(body):
        return "percent" if "%" in marked[2] else "degree"
    if stated == "Interval":
        return "interval"
    parts = split(body)
    if all(part.startswith(("(", r"\left(")) and part.endswith(")") and len(items(part)) > 1 for part in parts):
        return "tuple" if len(parts) == 1 else "tuples"
    if len(parts) > 1:
        return "list"
    if body.count("=") == 1:
        return "equation"
    letters = _COMMAND.sub(lambda match: "x" if match[0] in GREEK else "", body)
    return "expression" if re.search("[A-Za-z]", letters) else "scalar"


GREEK = {rf"\{name}" for name in ("alpha", "tau", "lambda", "omega", "zeta", "rho", "gamma", "theta", "hbar", "sigma", "Delta")}


def split(text: str, separator: str = ",") -> list[str]:
    """The parts of `text` between separators that stand in no bracket."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character == separator and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def items(group: str) -> list[str]:
    """The components of one `(a, b)`."""
    inner = re.sub(r"^\\left\(|\\right\)$|^\(|\)$", "", group)
    return split(inner)
