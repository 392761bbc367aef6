"""Does this project work on this machine?

    python -m benchmarks.acceptance.main [platform=cpu] [layers=abc] [steps=12] [folder=runs/acceptance] [key=value ...]

layers: a needs torch and PyYAML alone, b verl and Ray, too, c everything; see benchmarks/acceptance. Any other key=value is of
the training runs of layer c, such as trainer.n_gpus_per_node=8. Prints a table, writes it and acceptance.json into the folder,
and exits with status 1 if something is not accepted, 2 if it was asked for wrongly.

Through the launchers: `launch/submit.sh --recipe benchmarks.acceptance --no-preflight --`, or
`RECIPE=benchmarks.acceptance PREFLIGHT=false sbatch launch/slurm/train.sbatch`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.acceptance.measures import LAYERS
from benchmarks.acceptance.report import ROOT, judged, machine, table, write


@dataclass
class Options:
    """device: `cuda` or `cpu`. steps: of each training run. overrides: of their config."""

    device: str = "cuda"
    layers: str = "abc"
    steps: int = 12
    folder: str = "runs/acceptance"
    overrides: list[str] = field(default_factory=list)


def parse(arguments: list[str]) -> Options:
    """ValueError if they make no sense."""
    options = Options()
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if not equals:
            raise ValueError(f"{argument!r} is no key=value")
        if key == "platform":
            if value not in ("cpu", "cuda"):
                raise ValueError(f"platform={value}; give cpu or cuda")
            options.device = value
        elif key == "layers":
            if not value or set(value) - set(LAYERS):
                raise ValueError(f"layers={value}; give some of {', '.join(LAYERS)}, such as layers=ab")
            options.layers = value
        elif key == "steps":
            if not value.isdecimal() or int(value) < 4:
                raise ValueError(f"steps={value}; give a whole number from 4, since a run is killed and resumed within them")
            options.steps = int(value)
        elif key == "folder":
            options.folder = value
        else:
            options.overrides.append(argument)
    return options


def run_part(part: str, options: Options, folder: Path) -> tuple[dict, str]:
    """What a part of a layer has measured, and how it ended if it broke; in a process of its own, which frees the GPUs."""
    out = folder / f"{part}.json"
    out.unlink(missing_ok=True)
    command = [sys.executable, "-m", f"benchmarks.acceptance.{part}", json.dumps(asdict(options)), str(out)]
    print(f"\n---- {part}", flush=True)
    status = subprocess.run(command, cwd=ROOT).returncode
    found = json.loads(out.read_text()) if out.exists() else {}
    return found, f"ended with status {status}; its output is above" if status else ""


def main() -> int:
    """See the module's docstring."""
    try:
        options = parse(sys.argv[1:])
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    import torch

    if options.device == "cuda" and not torch.cuda.is_available():
        print("error: torch sees no CUDA device here; run this on a GPU machine, or give platform=cpu", file=sys.stderr)
        return 2
    folder = Path(options.folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    options.folder = str(folder)
    found, broken = {}, {}
    for part in (part for layer, parts in LAYERS.items() if layer in options.layers for part in parts):
        measured, how = run_part(part, options, folder)
        found |= measured
        if how:
            broken[part] = how
    rows, about = judged(found, broken, options.layers, options.device), machine()
    write(folder / "acceptance.json", rows, about, sys.argv[1:])
    text = table(rows, about)
    (folder / "acceptance.md").write_text(text + "\n")
    print(f"\n{text}\n\n{folder}/acceptance.json")
    return 0 if all(row["accepted"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
