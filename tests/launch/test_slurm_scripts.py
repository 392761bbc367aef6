"""The parts of launch/slurm that need no Slurm; tests/launch/cluster has the rest."""

import os
import runpy
import socket
import subprocess
import sys

import pytest

from tests import ROOT

SLURM = ROOT / "launch/slurm"


def steps(**settings: str) -> dict[str, list[str]]:
    """The options of srun, and what stands before each command, that these settings lead to."""
    script = f"""
        . {SLURM}/job.sh
        trap - EXIT
        PROJECT_DIR=/project job_dir=/logs/7 TEMP_DIR=/scratch
        set_up_steps
        printf '%s\\n' "${{step[@]}}"
        echo ==
        printf '%s\\n' "${{inside[@]}}"
    """
    environment = os.environ | {"SLURM_JOB_ID": "7", "SLURM_CPUS_ON_NODE": "64"} | settings
    output = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True)
    if output.returncode:
        raise ValueError(output.stderr)
    step, inside = output.stdout.split("==\n")
    return {"step": step.split(), "inside": inside.split()}


def test_steps_have_all_cpus_of_the_job():
    assert "--cpus-per-task=64" in steps()["step"]
    assert "--cpus-per-task=8" in steps(SLURM_CPUS_PER_TASK="8")["step"]
    assert steps()["inside"] == []


def test_pyxis():
    step = steps(CONTAINER="pyxis", CONTAINER_IMAGE="/images/verl.sqsh", CONTAINER_MOUNTS="/data:/data")["step"]
    assert "--container-image=/images/verl.sqsh" in step
    assert "--container-mounts=/project:/project,/logs/7:/logs/7,/scratch:/scratch,/data:/data" in step
    assert "--container-workdir=/project" in step


def test_apptainer():
    inside = steps(CONTAINER="apptainer", CONTAINER_IMAGE="/images/verl.sif")["inside"]
    mounts = "/project:/project,/logs/7:/logs/7,/scratch:/scratch"
    assert inside == ["apptainer", "exec", "--nv", "--bind", mounts, "--pwd", "/project", "/images/verl.sif"]


def test_unknown_container():
    with pytest.raises(ValueError, match="CONTAINER=docker is none of: none, pyxis, apptainer"):
        steps(CONTAINER="docker")


def test_a_method_is_found_here_and_on_pythonpath(tmp_path):
    (tmp_path / "mine/method").mkdir(parents=True)
    (tmp_path / "mine/method/main.py").touch()

    def found(package, **variables):
        script = f". {SLURM}/job.sh; trap - EXIT; PROJECT_DIR={ROOT}; module_is_found {package}.main"
        environment = {"PATH": os.environ["PATH"], "SLURM_JOB_ID": "7"} | variables
        return subprocess.run(["bash", "-uc", script], env=environment).returncode == 0

    assert found("recipe.hapo")
    assert found("examples.entropy_shaping", PYTHONPATH="/nowhere")
    assert not found("mine.method")
    assert found("mine.method", PYTHONPATH=f"/nowhere:{tmp_path}")


def test_ports_that_are_taken_are_left_out():
    ports = runpy.run_path(str(SLURM / "free_ports.py"))
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.create_server((address, 0), family=family) as server:
            assert not ports["free"](server.getsockname()[1])


def test_neighbouring_jobs_try_other_ports_first():
    candidates = runpy.run_path(str(SLURM / "free_ports.py"))["candidates"]
    one, two = (candidates(job, 20000, 31999, 4) for job in (41, 42))
    assert not set(one) & set(two)
    assert all(20000 <= base <= 31996 for base in one + two)
    assert candidates(41, 20000, 20003, 4) == [20000]
    with pytest.raises(SystemExit, match="PORT_RANGE=20000-20002 has fewer than the 4 ports"):
        candidates(41, 20000, 20002, 4)


@pytest.mark.parametrize("given", ["x", "1-5", "20000", "20000-70000", "31999-20000", "-5-10"])
def test_a_range_that_is_none_is_one_sentence(given):
    done = subprocess.run([sys.executable, SLURM / "free_ports.py", "7", given, "4"], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: PORT_RANGE={given} is no range of ports; ")


def test_unknown_interface_is_named_with_those_there_are():
    choose = runpy.run_path(str(SLURM / "node_address.py"))["choose"]
    with pytest.raises(SystemExit, match="node1 has no address on INTERFACE=nonesuch; its addresses: "):
        choose("node1", "nonesuch", {})


@pytest.fixture
def addresses(monkeypatch):
    """`choose` of a node with a public interface first, and names that resolve as given."""
    module = runpy.run_path(str(SLURM / "node_address.py"))
    choose = module["choose"]
    monkeypatch.setitem(
        choose.__globals__, "interfaces", lambda: [("eth0", "203.0.113.5"), ("ib0", "10.9.0.1"), ("eth1", "10.8.0.1")]
    )
    monkeypatch.setitem(choose.__globals__, "source_towards", lambda peer: "10.8.0.1")
    names = {"node1": "127.0.1.1"}
    monkeypatch.setitem(choose.__globals__, "resolved", lambda name: [(0, 0, 0, "", (names.get(name, name), 9))])
    return choose


def test_a_node_that_is_alone_stays_on_loopback(addresses):
    assert addresses("node1", "", {"node1": "203.0.113.5"}) == ("127.0.0.2", "lo")
    assert addresses("node1", "ib0", {"node1": "203.0.113.5"}) == ("10.9.0.1", "ib0")  # unless the site names an interface


def test_slurms_address_of_a_node_comes_before_the_order_of_its_interfaces(addresses):
    assert addresses("node1", "", {"node1": "10.9.0.1", "node2": "10.9.0.2"}) == ("10.9.0.1", "ib0")


def test_a_name_that_leads_to_loopback_is_no_address(addresses):
    assert addresses("node1", "", {"node1": "node1", "node2": "node2"}) == ("10.8.0.1", "eth1")


def test_who_listens_at_a_port_is_known(tmp_path):
    listeners = runpy.run_path(str(SLURM / "reachable.py"))["listeners"]
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.create_server((address, 0), family=family) as server:
            port = server.getsockname()[1]
            assert listeners(port) == {os.getuid()}
            with socket.create_connection(server.getsockname()[:2]):
                assert listeners(port) == {os.getuid()}
        assert listeners(port) == set()  # connections that are left over do not listen
    (tmp_path / "tcp").write_text(
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 0200007F:5208 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1001        0 1 1 0 100 0 0 10 0\n"
        "   1: 0200007F:5208 0200007F:C001 01 00000000:00000000 00:00000000 00000000  1002        0 1 1 0 100 0 0 10 0\n"
    )
    assert listeners(0x5208, (str(tmp_path / "tcp"), str(tmp_path / "none"))) == {1001}


def test_no_route_to_the_other_nodes(monkeypatch):
    choose = runpy.run_path(str(SLURM / "node_address.py"))["choose"]
    monkeypatch.setitem(choose.__globals__, "source_towards", lambda peer: None)
    with pytest.raises(SystemExit, match=r"node1 has no route to the job's other nodes \(10.0.0.2\)"):
        choose("node1", "", {"node1": "10.0.0.1", "node2": "10.0.0.2"})
