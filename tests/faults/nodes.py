"""Ray on two nodes of this machine: a head without GPU, where the driver is, and one with a GPU, which can be lost."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.processes import marked
from tests.ray_cluster import free_ports

MARK = "TEST_NODE"


def start(run) -> None:
    """Before the run, which then finds the head."""
    gcs, *agents = free_ports(3)
    address = f"127.0.0.1:{gcs}"
    roles = (("head", "--head", f"--port={gcs}", "--num-gpus=0"), ("lost", f"--address={address}", "--num-gpus=1"))
    for (name, *role), agent in zip(roles, agents, strict=True):
        environment = {key: value for key, value in os.environ.items() if key != "RAY_ADDRESS"}
        subprocess.run(
            [
                *(Path(sys.executable).parent / "ray", "start", *role, "--num-cpus=16", "--disable-usage-stats"),
                *("--node-ip-address=127.0.0.1", f"--dashboard-agent-listen-port={agent}", "--object-store-memory=200000000"),
                *(("--include-dashboard=False",) if name == "head" else ()),
            ],
            env=environment | {"HTPO_TEST_RECORDS": str(run.folder), MARK: f"{run.folder} {name}"},
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=120,
        )
    run.environment["RAY_ADDRESS"] = address


def lose(run) -> None:
    """Every process of the node with the GPU, at once."""
    pids = marked(MARK, f"{run.folder} lost")
    assert pids, "no process of the node is there"
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def leave(run) -> None:
    """End what is left of both."""
    while pids := [pid for name in ("head", "lost") for pid in marked(MARK, f"{run.folder} {name}")]:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.2)
