"""launch/slurm/train.sbatch on a real Slurm with two virtual hosts and a stand-in for the driver (driver.py)."""

import json
import os
import re
import time

import psutil
import pytest

from tests.launch.cluster.slurm import Job, wait_until

pytestmark = pytest.mark.cluster


def places(job) -> list[dict]:
    """Where the driver's actors were."""
    return sorted(json.loads((job.folder / "places.json").read_text()), key=lambda place: place["host"])


def resumed_after(job) -> list[int]:
    """After which step each start of the job went on."""
    return [int(step) for step in re.findall(r"starting after step (\d+)", job.log())]


def finish_resumed(job) -> None:
    """A requeued job continues where it was, and succeeds."""
    job.wait_restarted()
    job.finish()
    job.wait("COMPLETED")
    first, second = resumed_after(job)
    assert first == 0
    assert second > 0
    assert job.log().count(f"step {second + 1} done\n") == 1


def raylet(slurm, node: str) -> psutil.Process:
    (process,) = (process for process in slurm.processes(node) if process.name() == "raylet")
    return process


def test_actors_on_both_hosts_talk_over_the_network_that_connects_them(slurm, submit):
    job = submit("gloo=1", DASHBOARD="true")
    job.finish()
    job.wait("COMPLETED")
    assert [(place["host"], place["address"], place["interface"], place["vllm"]) for place in places(job)] == [
        ("node1", "10.77.0.1", "eth0", "10.77.0.1"),
        ("node2", "10.77.0.2", "eth0", "10.77.0.2"),
    ]
    assert json.loads((job.folder / "sums.json").read_text()) == [3.0, 3.0]
    slurm.wait_idle()
    assert slurm.left_over() == []


def test_interface_of_the_site_with_ipv6_only(submit):
    job = submit("gloo=1", INTERFACE="eth2")
    job.finish()
    job.wait("COMPLETED")
    assert [(place["address"], place["interface"]) for place in places(job)] == [("fd77::1", "eth2"), ("fd77::2", "eth2")]
    assert json.loads((job.folder / "sums.json").read_text()) == [3.0, 3.0]


def test_job_ends_with_the_exit_code_of_the_driver(submit):
    job = submit("fail_at=1")
    job.wait("FAILED")
    assert job.show()["ExitCode"] == "3:0"
    assert job.show()["Restarts"] == "0"


def test_host_that_never_joins_is_named(slurm, submit):
    slurm.pull_cable("node2", "eth1")
    try:
        job = submit(INTERFACE="eth1", JOIN_TIMEOUT=40)
        job.wait("FAILED")
        assert "node2 (10.78.0.2)" in job.log().split("error: ", 1)[1], job.log()
        assert resumed_after(job) == []
    finally:
        slurm.plug_in_cable("node2", "eth1")


def test_token_requeued_by_hand_and_cancelled(slurm, submit):
    job = submit()
    job.wait_for_log("step 2 done")
    token = raylet(slurm, "node1").environ()["RAY_AUTH_TOKEN"]
    assert len(token) == 64
    assert not [process for node in slurm.nodes for process in slurm.processes(node) if token in " ".join(process.cmdline())]
    slurm.login("scontrol", "requeue", job.number)
    job.wait_restarted()
    job.wait_for_log("start 2] all 2 nodes are in the Ray cluster")
    slurm.login("scancel", job.number)
    job.wait("CANCELLED")
    slurm.wait_idle()
    assert slurm.left_over() == []


def test_time_limit_of_one_of_two_jobs_on_the_same_hosts(slurm, submit):
    # Slurm looks at time limits every 30 s, so the notice comes 60 to 90 s after the start.
    limited, other = submit(options=("--time=2", "--signal=B:USR1@30"), STOP_MARGIN=5), submit()
    for job in (limited, other):
        job.wait_for_log("step 1 done")
        assert {place["job"] for place in places(job)} == {job.number}
    limited.wait_for_log("saved on SIGUSR1")
    finish_resumed(limited)
    other.finish()
    other.wait("COMPLETED")
    assert resumed_after(other) == [0]
    slurm.wait_idle()
    assert slurm.left_over() == []


def test_notice_while_ray_starts(slurm, submit):
    job = submit()
    job.wait_for_log("Ray's head is node1")
    slurm.login("scancel", "--signal=USR1", "--batch", job.number)
    job.wait("PENDING")
    assert resumed_after(job) == []
    slurm.wait_idle()
    assert slurm.left_over() == []


def test_preempted(slurm, submit):
    job = submit()
    job.wait_for_log("step 1 done")
    slurm.login("sbatch", "--partition=urgent", "--nodes=2", "--exclusive", "--output=/dev/null", "--wrap=sleep 1")
    job.wait_for_log("saved on SIGUSR1")
    finish_resumed(job)


def says_end(slurm, task) -> int:
    """What the job script of this task of an array would be told of its end."""
    array, number = task.number.split("_")
    variables = {"SLURM_JOB_ID": array, "SLURM_ARRAY_JOB_ID": array, "SLURM_ARRAY_TASK_ID": number}
    script = ". launch/slurm/job.sh; trap - EXIT; job_end"
    return int(slurm.login("bash", "-uc", script, env=os.environ | variables | {"SLURM_TIME_FORMAT": "relative"}))


def test_one_task_of_an_array_is_preempted_while_squeue_fails_and_the_other_one_goes_on(slurm, submit):
    broken = slurm.state / "broken"
    broken.mkdir()
    (broken / "squeue").write_text("#!/bin/sh\nexit 1\n")
    (broken / "squeue").chmod(0o755)
    array = submit(options=("--array=0-1", "--nodes=1", "--exclusive"), PATH=f"{broken}:{os.environ['PATH']}")
    tasks = [Job(slurm, f"{array.number}_{i}", array.folder / str(i)) for i in range(2)]
    wait_until("both tasks train", lambda: all((task.folder / "step").exists() for task in tasks), 120, array.log)
    assert "warning: jobs of other users" not in array.log()

    end = says_end(slurm, tasks[1])
    assert 400 < end - time.time() < 600
    slurm.login("scontrol", "update", f"JobId={tasks[1].number}", "TimeLimit=20")
    assert says_end(slurm, tasks[1]) == end + 600
    assert says_end(slurm, tasks[0]) < end + 300

    first = next(task for task in tasks if task.show()["NodeList"] == "node1")
    (other,) = (task for task in tasks if task is not first)
    slurm.login(
        *(
            "sbatch",
            "--partition=urgent",
            "--nodes=1",
            "--nodelist=node1",
            "--exclusive",
            "--output=/dev/null",
            "--wrap=sleep 1",
        )
    )
    wait_until("it has saved", lambda: "saved on SIGUSR1" in array.log(), 90, array.log)
    unknown = f"job {first.number}, start 1] squeue does not say when this job ends; taken for 600 s"
    wait_until("it does without squeue", lambda: unknown in array.log(), 60, array.log)
    before = int((other.folder / "step").read_text())
    first.wait_restarted()
    wait_until("it goes on", lambda: len(resumed_after(array)) == 3, 90, array.log)
    assert sorted(resumed_after(array))[-1] > 0
    assert other.show()["Restarts"] == "0"
    assert int((other.folder / "step").read_text()) > before
    for task in tasks:
        task.finish()
        task.wait("COMPLETED")
    slurm.wait_idle()
    assert slurm.left_over() == []


def test_host_lost(slurm, submit):
    job = submit()
    job.wait_for_log("step 1 done")
    slurm.power_off("node2")
    try:
        job.wait("PENDING")
    finally:
        slurm.start_host("node2")
        slurm.start_slurmd("node2")
    finish_resumed(job)


def test_a_run_that_hung_comes_again_within_the_limit_of_lost_nodes(submit):
    job = submit("hang_at=2", MAX_REQUEUES=1)
    finish_resumed(job)
    assert "requeued: the run hung" in job.log()
    job = submit("hang_at=any", MAX_REQUEUES=1)
    job.wait_restarted()
    job.wait("FAILED")
    assert (
        "the run hung, and the job has been requeued 1 times in a row (MAX_REQUEUES) without a checkpoint on notice"
        in job.log()
    )


def test_raylet_lost(slurm, submit):
    job = submit()
    job.wait_for_log("step 1 done")
    raylet(slurm, "node2").kill()
    finish_resumed(job)


def test_raylet_lost_again_and_again_and_not_noticed_by_the_driver(slurm, submit):
    job = submit("deaf=1", LOST_NODE_GRACE=3, MAX_REQUEUES=1)
    job.wait_for_log("step 1 done")
    raylet(slurm, "node2").kill()
    job.wait_restarted()
    assert "the driver does not notice within 3 s" in job.log()
    job.wait_for_log("start 2] all 2 nodes are in the Ray cluster")
    raylet(slurm, "node2").kill()
    job.wait("FAILED")
    assert "requeued 1 times in a row (MAX_REQUEUES)" in job.log()
    # Never started twice in one start of the job.
    assert (job.folder / f"logs/{job.number}/ray-node2.log").read_text().count("Ray runtime started") == 2
