"""The table of the fault matrix as a page of the documentation."""

from __future__ import annotations

from pathlib import Path

from tests.faults.cells import CELLS

HEAD = """# Faults

Seen with the real stack on CPU (HAPO, the demo's model, sync mode without group filtering, one rank, one vLLM server, fp32),
{dates}. `make test-faults` makes the cells that are missing for its commit; what makes this page of them is
`python -m tests.faults --table docs/faults.md`.

Each row is an attempt that was held in the phase, hurt, and looked at when it had ended: seconds from the harm to the end, the
exit status (negative: the signal that killed the driver), how many finished steps had to be trained again (a checkpoint every
second step), and the step with which the same command then went on. Every step of every attempt had the tokens of a run that
nobody disturbed, and its loss, gradient norm, entropy and score to 1e-4.

{count} cells, {good} as they have to be.

| fault | phase | s | status | lost | went on with | commit | last line |
|---|---|---|---|---|---|---|---|
"""


def write_table(path: Path, outcomes: dict[str, dict]) -> None:
    """Write the cells that were made, and the commits that they were made of."""
    rows = [outcomes[cell.name] | {"row": cell.row, "column": cell.column} for cell in CELLS if cell.name in outcomes]
    dates = " to ".join(sorted({row["date"] for row in rows})) or "no date"
    lines = [_line(row) for row in sorted(rows, key=lambda row: row["row"])]
    good = sum(not row["fault"] for row in rows)
    path.write_text(HEAD.format(dates=dates, count=len(rows), good=good) + "".join(lines))


def _line(row: dict) -> str:
    last = row["last"].replace("|", "\\|")
    last = last if len(last) <= 160 else f"{last[:120]} ... {last[-36:]}"
    fault = f" **{row['fault']}**" if row["fault"] else ""
    shown = f"`{last}`" if last else ""
    cells = [row[name] for name in ("row", "column", "seconds", "status", "lost", "resumed", "commit")]
    return f"| {' | '.join(map(str, cells))} | {shown}{fault} |\n"
