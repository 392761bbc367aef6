"""A pod is taken away from a run of the real stack: the manifest's preStop, the end of the pod, the operator's retry."""

import signal
import subprocess
import sys
import time

import pytest

from launch.kuberay.manifest import before_end
from launch.kuberay.settings import read_settings
from recipe.runs.stopping import REQUEST, RUN_AGAIN
from tests import ROOT
from tests.training import LAST_STEP, Run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
GRACE_S = 300


def test_a_run_whose_pod_is_taken_away_saves_within_the_grace_and_goes_on(demo_inputs, tmp_path, settings_file):
    run = Run(demo_inputs, tmp_path / "run", "trainer.save_freq=-1").start()
    run.wait_for_step(2)
    checkpoints = run.folder / "checkpoints"
    _, *command = before_end(str(checkpoints), read_settings(settings_file(grace_s=GRACE_S)))
    noticed = time.monotonic()
    try:
        hook = subprocess.run([sys.executable, *command], cwd=ROOT, timeout=GRACE_S)
        assert hook.returncode == 0, run.log.read_text(errors="replace")[-6000:]
        # The kubelet's TERM comes after the hook, to a run that is over, and KILL when the grace is.
        status = run.process.wait(timeout=GRACE_S - (time.monotonic() - noticed))
    finally:
        if run.process.poll() is None:
            run.process.send_signal(signal.SIGKILL)
    assert status == RUN_AGAIN, run.log.read_text(errors="replace")[-6000:]
    run.assert_nothing_left()
    saved = int((checkpoints / "latest_checkpointed_iteration.txt").read_text())
    assert 2 <= saved < LAST_STEP

    # The cluster's other pods go, too, each with its hook, before the run is started again: they leave no request to it.
    subprocess.run([sys.executable, *command], cwd=ROOT, timeout=60, check=True)
    assert not (checkpoints / REQUEST).exists()
    assert sorted(run.start().finish()) == list(range(saved + 1, LAST_STEP + 1))
