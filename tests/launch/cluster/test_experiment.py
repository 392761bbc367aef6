"""A whole experiment on a real Slurm: arrays in which each evaluation depends on its own training. Only the models are none."""

import os
import sys

import pytest

from tests.experiment.conftest import TRAINING, write_experiment
from tests.launch.cluster.slurm import wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]
SMALL = ["--nodes=1", "--cpus-per-task=2", "--time=10", "--signal=B:USR1@60"]


def test_from_the_file_to_the_table_with_a_failure_on_the_way(slurm):
    folder = slurm.state / "experiment"
    folder.mkdir()
    site = {"PYTHON": sys.executable, "LOG_DIR": folder / "logs", "DASHBOARD": "false", "OBJECT_STORE_BYTES": 100_000_000}
    (folder / "site.env").write_text("".join(f"{key}='{value}'\n" for key, value in site.items()))
    arms = {"base": {"method": TRAINING, "overrides": ["skill=1"], "published": {"average": 20.0}}}
    file = write_experiment(folder, arms=arms, slurm={kind: list(SMALL) for kind in ("train", "evaluate")})
    out = folder / "out"
    command = [sys.executable, "-m", "recipe.experiment", str(file), "--folder", str(out), "--backend", "slurm"]

    def run(*options):
        return slurm.login(*command, *options, env=os.environ | {"SITE_ENV": str(folder / "site.env")}, timeout=400)

    def logs():
        return "".join(file.read_text() for file in sorted((out / "logs").iterdir())) + run("--status")

    in_the_way = out / "runs/base/2"
    in_the_way.mkdir(parents=True)
    (in_the_way / "checkpoints").write_text("in the way")  # one of two trainings fails
    run("--no-wait")
    assert "train: " in run("--status")
    ended = out / "stages/evaluate-base-1.done"
    wait_until("one seed is evaluated", ended.exists, 240, logs)
    wait_until("its neighbour has left the queue", lambda: not slurm.login("squeue", "--noheader"), 120)
    assert not (out / "stages/train-base-2.done").exists()
    assert "2 of 5 stages are done" in run("--status")
    (in_the_way / "checkpoints").unlink()
    run()  # sends what has failed, waits, and makes the table
    assert "| base | 2 | 25.00 ± 0.00 | 25.00 ± 0.00 (20.00) | +5.00 |" in (out / "report/table.md").read_text()
    for seed in (1, 2):
        assert (out / f"runs/base/{seed}/steps.log").read_text().split() == ["1", "2", "3", "4"]
    slurm.wait_idle()
    assert slurm.left_over() == []
