"""The demo's training process: followed to its end, asked to save by Ctrl-C or SIGTERM, and never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from launch.demo.progress import progress
from recipe.files.metrics import read_metrics
from recipe.runs.child import asking, die_with_parent, kill
from recipe.runs.stopping import RUN_AGAIN, TRY_AGAIN
from recipe.text.visible import in_log

ROOT = Path(__file__).resolve().parents[2]
# Of a process that was asked to end and had nothing new to save; the latter two before it listens.
_UNSAVED = (TRY_AGAIN, -signal.SIGTERM, signal.SIGTERM)


def train(command: list[str], run_dir: Path, total_steps: int) -> int:
    """Run the command with its output in train.log, and show from the metrics how far it is. Returns its exit status.

    The first Ctrl-C or SIGTERM asks it to save and end, a second Ctrl-C kills it (130). To be called in the main thread.
    """
    environment = os.environ | {"RAY_ADDRESS": "local"}  # a cluster of its own, whatever else runs on this machine
    log = run_dir / "train.log"
    with log.open("a") as output, closing(progress(total_steps, read_metrics(run_dir))) as shown:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a terminal sends Ctrl-C to all processes of its own, and Ray's would end at once
            preexec_fn=die_with_parent,
        )
        try:
            with asking(process) as asked:
                while process.poll() is None:
                    time.sleep(1)
                    shown.show(read_metrics(run_dir))
        except BaseException:
            kill(process)
            process.wait()
            raise
        shown.show(read_metrics(run_dir))
    status = process.returncode
    if status == RUN_AGAIN:
        print("\nStopped as asked; the same command goes on.", file=sys.stderr)
    elif asked and status == -signal.SIGKILL:
        print("\nKilled; the same command goes on from the last checkpoint, if there is one.", file=sys.stderr)
        return 128 + signal.SIGINT
    elif asked and status in _UNSAVED:
        print("\nStopped as asked, with nothing new to save; the same command goes on.", file=sys.stderr)
        return TRY_AGAIN
    elif status:
        print(f"\nTraining failed (exit status {status}). The end of {log}:\n", file=sys.stderr)
        print(in_log("\n".join(log.read_text(errors="replace").splitlines()[-25:])), file=sys.stderr)
    return status
