"""The demo's model and data, made where they are not there yet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from recipe.files.whole import written_whole

ROOT = Path(__file__).resolve().parents[2]


def make_inputs(folder: Path, say: bool = True) -> Path:
    """`model/` and `data/` in the folder, each renamed into place when it is complete.

    Each is made by a process of its own, from the repository's root: on a GPU machine the project is not installed.
    """
    for module, name in (("make_model", "model"), ("make_data", "data")):
        if not (folder / name).exists():
            with written_whole(folder.resolve() / name) as new:
                command = [sys.executable, "-m", f"launch.demo.{module}", new]
                subprocess.run(command, cwd=ROOT, check=True, stdout=None if say else subprocess.DEVNULL)
    return folder
