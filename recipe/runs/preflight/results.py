"""Results of the checks, the table that shows them, and the exit status."""

from __future__ import annotations

import shutil
import textwrap
from collections import Counter
from dataclasses import dataclass

from recipe.text.visible import visible

STATUSES = ("pass", "warn", "fail", "skip")


@dataclass(frozen=True)
class Result:
    """One row.

    status: pass, warn (the run can start), fail (it cannot, or not as asked) or skip (could not be looked at).
    finding: what was found, with the numbers that were compared.
    mend: what to change, as a key or a command where that is possible; empty for pass and skip.
    name: filled in by the runner.
    """

    status: str
    finding: str
    mend: str = ""
    name: str = ""


def passed(finding: str) -> Result:
    """A row that needs no attention."""
    return Result("pass", finding)


def warned(finding: str, mend: str = "") -> Result:
    """A row to look at; the run can start."""
    return Result("warn", finding, mend)


def failed(finding: str, mend: str = "") -> Result:
    """A row that must be mended first."""
    return Result("fail", finding, mend)


def skipped(reason: str) -> Result:
    """A row that could not be looked at."""
    return Result("skip", reason)


def exit_status(results: list[Result]) -> int:
    """2 if a check failed, else 0: warnings let a launcher go on."""
    return 2 if any(result.status == "fail" for result in results) else 0


def table(results: list[Result]) -> str:
    """Status, name and finding of each row, wrapped to the terminal; under it, how to mend it. What it quotes is visible."""
    names = max(len(result.name) for result in results)
    width = max(shutil.get_terminal_size((120, 24)).columns, 80)
    indent = " " * (names + 8)
    lines = []
    for result in results:
        head = f"{result.status}  {result.name:{names}}  "
        lines += textwrap.wrap(result.finding, width, initial_indent=head, subsequent_indent=indent, break_long_words=False)
        if result.mend:
            lines += textwrap.wrap(
                result.mend, width, initial_indent=f"{indent}-> ", subsequent_indent=f"{indent}   ", break_long_words=False
            )
    counts = Counter(result.status for result in results)
    total = ", ".join(f"{counts[status]} {status}" for status in STATUSES if counts[status])
    return visible("\n".join([*lines, "", f"{len(results)} checks: {total}"]))


def gib(n: float) -> str:
    """Bytes in the unit that suits them, e.g. `61.1 GiB`."""
    for unit, size in (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20)):
        if n >= size:
            return f"{n / size:.1f} {unit}"
    return f"{n / 2**10:.1f} KiB"


def many(n: int, thing: str) -> str:
    """E.g. `1 GPU`, `8 GPUs`."""
    return f"{n:,} {thing}" if n == 1 else f"{n:,} {thing}s"


def listed(items: list[str], most: int = 6) -> str:
    """The first items, and how many more there are."""
    return ", ".join(items[:most]) + (f" and {len(items) - most} more" if len(items) > most else "")
