"""Fixtures of the tests on virtual hosts."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.launch.cluster.hosts import UNSHARE
from tests.launch.cluster.slurm import Slurm

os.environ["PATH"] += ":/usr/sbin:/sbin"  # where Slurm's daemons are, and not every user's PATH leads
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "munged", "ip", "nsenter", "unshare")


def obstacle() -> str | None:
    """Why this machine cannot run these tests."""
    if os.geteuid() != 0:
        return "virtual hosts need root"
    attempt = subprocess.run([*UNSHARE, "ip", "link", "add", "probe", "type", "bridge"], capture_output=True, text=True)
    return f"Linux namespaces do not work here: {attempt.stderr.strip()}" if attempt.returncode else None


@pytest.fixture(scope="session")
def slurm():
    """Slurm on two virtual hosts."""
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    assert not missing, f"not installed: {', '.join(missing)}; `make test-cluster` installs them"
    if reason := obstacle():
        pytest.skip(reason)
    cluster = Slurm(2)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def submit(slurm, request):
    """Submit a job with the stand-in driver; keyword arguments are settings of the site. Jobs do not outlive their test."""
    jobs = []

    def submit_job(*arguments: str, options: tuple[str, ...] = (), **settings: object):
        folder = slurm.state / f"{request.node.name}-{len(jobs)}"
        folder.mkdir()
        site = {
            "PYTHON": sys.executable,
            "LOG_DIR": folder / "logs",
            "DRIVER": f"tests/launch/cluster/driver.py folder={folder}",
            "PREFLIGHT": "false",  # the stand-in has no config
            "DASHBOARD": "false",
            "OBJECT_STORE_BYTES": 100_000_000,
        } | settings
        (folder / "site.env").write_text("".join(f"{key}='{value}'\n" for key, value in site.items()))
        job = slurm.submit(
            folder,
            *("--nodes=2", "--cpus-per-task=2", "--time=10", "--signal=B:USR1@60", *options, "launch/slurm/train.sbatch"),
            *arguments,
            SITE_ENV=str(folder / "site.env"),
        )
        jobs.append(job)
        return job

    yield submit_job
    for job in jobs:
        slurm.login("scancel", job.number)
    slurm.wait_idle()
