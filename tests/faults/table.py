"""The table of the fault matrix as a page of the documentation."""

from __future__ import annotations

import re
from pathlib import Path

from tests.faults.matrix import CELLS

HEAD = """# Faults

Seen with the real stack on CPU (HAPO, the demo's model, sync mode without group filtering, one rank, one vLLM server, fp32),
{dates}. `make test-faults` makes the cells that are missing for its commit; what makes this page of them is
`python -m tests.faults --table docs/faults.md`.

Each row is an attempt that was held in the phase, hurt, and looked at when it had ended: seconds from the harm to the end, the
exit status (negative: the signal that killed the driver), how many finished steps had to be trained again (a checkpoint every
second step), and the step with which the same command then went on. Every step of every attempt had the tokens of a run that
nobody disturbed, and its loss, gradient norm, entropy and score to 1e-4.

{count}

| fault | phase | s | status | lost | went on with | commit | last line |
|---|---|---|---|---|---|---|---|
"""


def write_table(path: Path, outcomes: dict[str, dict]) -> None:
    """Write the cells that were made, and the commits that they were made of."""
    rows = [outcomes[cell.name] | {"row": cell.row, "column": cell.column} for cell in CELLS if cell.name in outcomes]
    rows.sort(key=lambda row: row["row"])
    dates = " to ".join(sorted({row["date"] for row in rows})) or "no date"
    endings = list(dict.fromkeys(ending for row in rows if (ending := _ending(row))))
    good = sum(not row["fault"] for row in rows)
    lines = [_line(row, endings) for row in rows]
    last = "\n".join(f"{i:2}  {ending}" for i, ending in enumerate(endings, start=1))
    count = f"{len(rows)} of {len(CELLS)} cells were made, {good} of them ended and went on as they have to."
    head = HEAD.format(dates=dates, count=count)
    path.write_text(f"{head}{''.join(lines)}\nThe last lines, with N for numbers:\n\n```text\n{last}\n```\n")


def _ending(row: dict) -> str:
    """The last line without its numbers; empty if the driver was killed and could say nothing."""
    if row["status"] is None or row["status"] < 0:
        return ""
    return re.sub(r"\d+(\.\d+)*", "N", row["last"])


def _line(row: dict, endings: list[str]) -> str:
    number = endings.index(_ending(row)) + 1 if _ending(row) else "none"
    fault = f", **{row['fault']}**" if row["fault"] else ""
    cells = [row[name] for name in ("row", "column", "seconds", "status", "lost", "resumed", "commit")]
    return f"| {' | '.join(map(str, cells))} | {number}{fault} |\n"
