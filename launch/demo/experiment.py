"""`make demo-experiment`: from one file to a table with the real stack, two arms and two seeds of the demo's tiny model.

    python launch/demo/experiment.py [options of recipe.experiment]

Begun again after it was stopped or killed, it goes on.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from launch.demo.run import make_inputs  # noqa: E402

FOLDER = "runs/demo-experiment"  # which experiment.yaml names, too


def main() -> None:
    """Make model and data, then become the experiment's command."""
    os.chdir(ROOT)
    inputs = ROOT / FOLDER / "inputs"
    inputs.mkdir(parents=True, exist_ok=True)
    make_inputs(inputs)
    # A cluster of its own, whatever else runs on this machine; everything is local.
    environment = os.environ | {"RAY_ADDRESS": "local", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "recipe.experiment", str(HERE / "experiment.yaml"), "--folder", FOLDER, *sys.argv[1:]]
    os.execve(sys.executable, command, environment)


if __name__ == "__main__":
    main()
