"""Make the cells of the fault matrix that are missing for this commit, one start of the stack each; then the table.

    python -m tests.faults [--folder runs/faults] [--at-most N] [--only TEXT] [--new] [--again] [--table docs/faults.md]

What was seen is kept in FOLDER/COMMIT/outcomes.jsonl, so that the command goes on where it ended. A cell counts when the next
attempt has gone on as the unbroken run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from dataclasses import replace
from pathlib import Path

from launch.demo.inputs import make_inputs
from tests import ROOT
from tests.faults.cells import Cell
from tests.faults.chain import LAST, Chain, Outcome, as_line, unbroken
from tests.faults.matrix import CELLS
from tests.faults.table import write_table

SEEN = ROOT / "tests/faults/outcomes.jsonl"  # the last of each cell, of every commit


def commit() -> str:
    return subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


def read(path: Path) -> dict[str, dict]:
    """The last outcome of each cell."""
    lines = path.read_text().splitlines() if path.exists() else []
    return {entry["cell"]: entry for entry in map(json.loads, lines)}


def attempt(chain: Chain, cell: Cell | None) -> tuple[Outcome | None, int | None, str]:
    """As the chain's; one that goes wrong in itself is a difference."""
    try:
        return chain.attempt(cell)
    except (AssertionError, subprocess.SubprocessError) as error:
        return None, None, str(error).splitlines()[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=ROOT / "runs/faults")
    parser.add_argument("--commit", default=None, help="that the outcomes are kept under (default: this one)")
    parser.add_argument("--at-most", type=int, default=len(CELLS), help="cells in this call")
    parser.add_argument("--only", default="", help="cells whose name has this text")
    parser.add_argument("--new", action="store_true", help="cells that no commit has")
    parser.add_argument("--again", action="store_true", help="also cells with a fault")
    parser.add_argument("--table", type=Path, help="add to outcomes.jsonl here, write its table, and nothing else")
    given = parser.parse_args()
    name = given.commit or commit()
    outcomes = given.folder / name / "outcomes.jsonl"
    if given.table:
        found = sorted(given.folder.glob("*/outcomes.jsonl"), key=lambda path: path.stat().st_mtime)
        every = read(SEEN) | {
            cell: entry | {"commit": path.parent.name} for path in found for cell, entry in read(path).items()
        }
        SEEN.write_text("".join(json.dumps(every[cell.name]) + "\n" for cell in CELLS if cell.name in every))
        write_table(given.table, every)
        return 0
    outcomes.parent.mkdir(parents=True, exist_ok=True)
    inputs = make_inputs(given.folder / name / "inputs")
    unbroken(inputs, given.folder / name / "unbroken")
    known = read(outcomes)
    done = {cell for cell, entry in known.items() if entry["resumed"] is not None and not (given.again and entry["fault"])}
    done |= read(SEEN).keys() if given.new else set()
    left = [cell for cell in CELLS if cell.name not in done and given.only in cell.name][: given.at_most]
    if not left:
        print(f"all {len(done)} cells are there")
        return 0

    chain = Chain(inputs, given.folder / name / "unbroken", given.folder / name / "chain")
    obstacle = chain.begin()

    def keep(outcome: Outcome, resumed, differs):
        last, fault = map(chain.without_paths, (outcome.last, outcome.fault or differs))
        outcome = replace(outcome, resumed=resumed, last=last, fault=fault)
        with outcomes.open("a") as file:
            file.write(as_line(outcome, date=time.strftime("%Y-%m-%d")) + "\n")
        verdict = f"FAULT {outcome.fault}" if outcome.fault else "ok"
        print(f"{verdict}: {outcome.cell}: {outcome.seconds} s, {outcome.status}, {outcome.last}", flush=True)

    def prove(outcomes: list[Outcome], resumed, differs) -> int:
        for outcome in outcomes:
            keep(outcome, resumed, differs)
        return sum(bool(outcome.fault or differs) for outcome in outcomes)

    pending, faults = [], 0  # outcomes of attempts that no later one has gone on from
    try:
        for cell in [*left, None]:
            if cell and cell.mounted and obstacle:
                print(f"left out: {cell.name}: {obstacle}")
                continue
            if cell is None and not pending:
                break
            outcome, resumed, differs = attempt(chain, cell)
            ends_badly = bool(differs or (outcome and outcome.fault))
            if resumed is not None or differs:
                faults += prove(pending, resumed, differs)
                pending = []
            pending += [outcome] if outcome else []
            if ends_badly or chain.saved() > LAST - 6:
                if pending and cell:  # their proof, before the chain begins anew
                    _, resumed, differs = attempt(chain, None)
                    faults += prove(pending, resumed, differs)
                    pending = []
                obstacle = chain.begin()
    finally:
        chain.leave()
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
