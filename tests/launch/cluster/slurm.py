"""A real Slurm on virtual hosts: controller and munge on `login`, a slurmd on each node."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.launch.cluster.hosts import Hosts

CONFIG = """
ClusterName=virtual
SlurmctldHost=login(10.77.0.100)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={state}/munge.socket
CredType=cred/munge
StateSaveLocation={state}/controller
SlurmdSpoolDir={state}/%n/spool
SlurmctldPidFile={state}/slurmctld.pid
SlurmdPidFile={state}/%n/slurmd.pid
SlurmctldLogFile={state}/slurmctld.log
SlurmdLogFile={state}/slurmd-%n.log
MailProg=/bin/true
# The weakest of Slurm's ways to find a job's processes: what is left over here, cgroups would hide.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,requeue_delay=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
KillWait=20
SlurmdTimeout=20
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=60 PriorityTier=1 PreemptMode=REQUEUE GraceTime=60 State=UP
PartitionName=urgent Nodes=ALL MaxTime=60 PriorityTier=10 PreemptMode=OFF State=UP
"""
CPUS = 16


def wait_until(what: str, condition: Callable[[], object], seconds: float = 60, explain: Callable[[], str] = str) -> None:
    """Wait until the condition is true, or fail with what it is about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}\n{explain()}"
        time.sleep(0.3)


class Job:
    """A submitted job."""

    def __init__(self, cluster: Slurm, number: str, folder: Path):
        self.cluster, self.number, self.folder = cluster, number, folder

    def finish(self) -> None:
        """Let the stand-in driver end after the next step; at once after a resume."""
        (self.folder / "finish").touch()

    def show(self) -> dict[str, str]:
        """What `scontrol show job` says."""
        return dict(re.findall(r"(\w+)=(\S*)", self.cluster.login("scontrol", "show", "job", "--oneliner", self.number)))

    def state(self) -> str:
        return self.show()["JobState"]

    def log(self) -> str:
        file = self.folder / "job.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def wait_for_log(self, text: str, seconds: float = 120) -> None:
        self._wait(f"{text!r} in its log", lambda: text in self.log(), seconds)

    def wait(self, state: str, seconds: float = 120) -> None:
        self._wait(state, lambda: self.state() == state, seconds)

    def wait_restarted(self, seconds: float = 120) -> None:
        """Wait until the job runs again after its first requeue, without Slurm's two minutes of pause.

        Two seconds of it are kept: Slurm compares times in whole seconds, and takes a start in the second of the last end for
        one that it has revoked.
        """
        ended = None

        def restarted() -> bool:
            nonlocal ended
            job = self.show()
            if job["JobState"] != "PENDING":
                ended = None
            elif ended is None:
                ended = time.monotonic()
            elif time.monotonic() - ended > 2:
                try:  # repeatedly: while Slurm ends the last start, it refuses this or forgets it
                    self.cluster.login("scontrol", "update", f"JobId={self.number}", "StartTime=now")
                except AssertionError:
                    return False
            return job["Restarts"] == "1" and job["JobState"] in ("RUNNING", "COMPLETED")

        self._wait("restarted", restarted, seconds)

    def _wait(self, what: str, condition: Callable[[], bool], seconds: float) -> None:
        """Wait, unless the job ends without what is waited for."""
        reached, looks_ended = False, 0

        def settled() -> bool:
            nonlocal reached, looks_ended
            reached = condition()
            # More than one look: a job that is requeued passes through the states of one that has ended.
            looks_ended = looks_ended + 1 if self.state() in ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL") else 0
            return reached or looks_ended == 10

        wait_until(f"job {self.number} {what}", settled, seconds, self.log)
        assert reached, f"job {self.number} is {self.state()}, waited for: {what}\n{self.log()}"


class Slurm(Hosts):
    """Hosts with Slurm."""

    def __init__(self, count: int):
        super().__init__(count)
        self.nodes = [name for name in self.numbers if name != "login"]
        os.environ["SLURM_CONF"] = str(self.state / "slurm.conf")

    def start(self) -> None:
        super().start()
        addresses = "\n".join(
            f"NodeName={n} NodeAddr=10.77.0.{self.numbers[n]} CPUs={CPUS} RealMemory=8000" for n in self.nodes
        )
        (self.state / "slurm.conf").write_text(CONFIG.format(state=self.state, nodes=addresses))
        # Named, not detected: slurmd then starts whatever the machine's cgroups are.
        (self.state / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
        key = self.state / "munge.key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o400)
        options = {
            "socket": "munge.socket",
            "key-file": "munge.key",
            "pid-file": "munge.pid",
            "log-file": "munge.log",
            "seed-file": "seed",
        }
        self.login("munged", "--force", *(f"--{option}={self.state / file}" for option, file in options.items()))
        self.login("slurmctld", "-c", stdout=subprocess.DEVNULL)
        for node in self.nodes:
            self.start_slurmd(node)
        self.wait_idle()

    def start_slurmd(self, node: str) -> None:
        self.on(node, "slurmd", "-N", node, stdout=subprocess.DEVNULL)

    def wait_idle(self, seconds: float = 60) -> None:
        """Wait until all nodes are up and without a job."""

        def idle() -> bool:
            return (
                self.login("sinfo", "--noheader", "--Node", "--partition=main", "--states=idle", "--format=%N").split()
                == self.nodes
            )

        wait_until("all nodes are idle", idle, seconds)

    def login(self, *command, **options) -> str:
        """Run a command where users do."""
        return self.on("login", *command, **options)

    def submit(self, folder: Path, *arguments: str, **environment: str) -> Job:
        """`sbatch` from the checkout."""
        number = self.login("sbatch", "--parsable", f"--output={folder}/job.log", *arguments, env=os.environ | environment)
        return Job(self, number.strip(), folder)

    def left_over(self) -> list[str]:
        """Processes and temporary files of jobs on the nodes."""
        processes = [
            f"{node}: {' '.join(process.cmdline())}"
            for node in self.nodes
            for process in self.processes(node)
            if process.status() != psutil.STATUS_ZOMBIE
            and process.cmdline() != ["sleep", "infinity"]
            and process.name() != "slurmd"
        ]
        files = [f"{node}: /tmp/{name}" for node in self.nodes for name in self.on(node, "ls", "/tmp").split() if "ray" in name]
        return processes + files
