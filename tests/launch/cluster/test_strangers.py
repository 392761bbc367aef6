"""Another user on the nodes of a job, or on a machine beside them, against a real Slurm; see docs/security.md."""

import json
import os
import subprocess
import sys

import pytest

from tests import ROOT
from tests.launch.cluster.hosts import enter
from tests.launch.cluster.test_slurm import places

pytestmark = pytest.mark.cluster
STRANGER = (sys.executable, "-m", "tests.launch.cluster.stranger")


def as_nobody(slurm, host: str, *arguments: object):
    return json.loads(slurm.on(host, *STRANGER, *map(str, arguments), timeout=180, stderr=subprocess.DEVNULL).splitlines()[-1])


def sockets(slurm, node: str) -> dict[int, tuple[str, str]]:
    """Process and address of each port that listens."""
    lines = [line.split() for line in slurm.on(node, "ss", "-ltnpH").splitlines() if '"' in line]
    return {int(line[3].rpartition(":")[2]): (line[5].split('"')[1], line[3]) for line in lines}


def test_a_job_on_one_node_against_a_user_of_that_node_and_one_of_another(slurm, submit):
    job = submit("queue=1", options=("--nodes=1", "--nodelist=node1", "--cpus-per-task=8"), DASHBOARD="true")
    job.wait_for_log("step 2 done")
    assert [(place["address"], place["interface"], place["vllm"]) for place in places(job)] == [
        ("127.0.0.2", "lo", "127.0.0.2")
    ]
    assert "warning: jobs of other users may run on these nodes (OverSubscribe=OK)" in job.log()

    token = next(p for p in slurm.processes("node1") if p.name() == "raylet").environ()["RAY_AUTH_TOKEN"]
    assert not [process for process in slurm.processes("node1") if token in " ".join(process.cmdline())]
    head = job.log().split("Ray's head is node1 at ")[1].split(",")[0]
    found = as_nobody(slurm, "node1", "attack", head, "/tmp/hit", "/tmp", "/dev/shm", job.folder / "logs" / job.number)
    queue = [p.name() for p in slurm.processes("node1") if "TransferQueue" in p.name() or "SimpleStorage" in p.name()]
    assert queue  # it was there
    assert "hit" not in slurm.on("node1", "ls", "/tmp").split()
    assert found["nodes"] is False
    listening = sockets(slurm, "node1")
    assert "OK" not in found["ray"].values(), found["ray"]
    refused = {listening[int(port)][0] for port, status in found["ray"].items() if status == "UNAUTHENTICATED"}
    assert {"gcs_server", "raylet", "ray::Worker.ste", "ray::SimpleStor"} <= refused, found["ray"]
    dashboard = int(job.log().split("dashboard at port ")[1].split(";")[0])
    assert found["jobs"][str(dashboard)] == "401"
    assert set(found["jobs"].values()) == {"401", "numbers"}, found["jobs"]  # Prometheus's, on other ports than the dashboard's
    assert found["environments"] == []
    assert found["files"] == ["/tmp", "/dev/shm"]  # the folders that are everybody's, and nothing in them

    outside = as_nobody(slurm, "login", "reach", *(f"10.77.0.1:{port}" for port in found["ports"]))
    reached = {int(place.rpartition(":")[2]) for place in outside}
    inside = {port: name for port, (name, address) in listening.items() if "127.0.0." in address}
    assert {"ray::TransferQu", "ray::SimpleStor"} <= set(inside.values())
    assert dashboard in inside
    assert not reached & set(inside)
    job.finish()
    job.wait("COMPLETED")


def test_the_token_is_not_sent_to_another_user_who_listens_at_the_heads_port(slurm):
    command = enter(slurm.inits["node1"][1], *STRANGER, "listen", "10.77.0.1", 20400, 8)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as listening:
        assert listening.stdout.readline() == "listening\n"
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "a" * 64, "RAY_ADDRESS": "10.77.0.1:20400"}
        wait = (sys.executable, "launch/slurm/wait_for_nodes.py", "3", "node1=10.77.0.1")
        with pytest.raises(AssertionError, match="port 20400 of the head belongs to another user \\(uid 65534\\)"):
            slurm.on("node1", *wait, env=os.environ | token)
        assert json.loads(listening.stdout.read()) == ""
