"""One node of the job's Ray cluster: runs `ray start --block` and leaves nothing behind when it ends.

    python ray_node.py HEAD_ADDRESS HEAD_PORT ADDRESS INTERFACE [arguments of `ray start` ...]

Ray's folder is RAY_TMPDIR, and the one above it is this job's alone: Ray lets everybody write to its own. It is in the
environment, so that nobody reads the name in a command line before it is there.

USR1 stops it. TERM does not: when a grace time begins (preemption) Slurm sends TERM to every step, and the driver needs Ray to
finish its step and to save. (With proctrack/cgroup Slurm signals only this process, with proctrack/linuxproc those below it
too.) It is started once: a Ray that ends by itself ends this node, and the job decides what follows.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
from reachable import reachable

PR_SET_CHILD_SUBREAPER = 36
STOP_SECONDS = 8  # for Ray's own shutdown; Slurm's KillWait is 30 s by default


def environment(folder: Path, address: str, interface: str) -> dict[str, str]:
    """What Ray and all of its workers on this node get."""
    variables = dict(os.environ)
    variables.pop("RAY_ADDRESS", None)  # `ray start --head` refuses it
    variables["TMPDIR"] = str(folder)
    variables.setdefault("VLLM_HOST_IP", address)  # else that of the default route
    # Without these, gloo takes the address that the own host name has, and NCCL whatever comes first.
    for library in ("GLOO", "NCCL", "TP"):
        variables.setdefault(f"{library}_SOCKET_IFNAME", interface)
    return variables


def end(processes: list[psutil.Process], signal_number: int, seconds: float) -> None:
    """Signal these processes and wait until they are gone."""
    for process in processes:
        try:
            process.send_signal(signal_number)
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(processes, timeout=seconds)


def main() -> int:
    """See the module's docstring."""
    head, port, address, interface = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    rays_folder = Path(os.environ["RAY_TMPDIR"])
    folder = rays_folder.parent
    received = set()
    for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: received.add(number))
    # Whatever loses its parent below becomes a child of this process, so that nothing escapes the clean-up.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)

    try:
        folder.mkdir(mode=0o700, parents=True)  # this job's alone, also on a disk where everyone may write
    except OSError as error:
        sys.exit(f"error: cannot make Ray's temporary folder: {error}; set another TEMP_DIR in the site's settings")
    command = [
        *(sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats", "--log-color=false"),
        *(f"--node-ip-address={address}", f"--num-cpus={os.environ['SLURM_CPUS_ON_NODE']}", *sys.argv[5:]),
        *((f"--temp-dir={rays_folder}",) if "--head" in sys.argv else ()),
    ]
    ray = subprocess.Popen(command, env=environment(folder, address, interface))
    try:
        while ray.poll() is None and signal.SIGUSR1 not in received:
            time.sleep(0.5)
            if signal.SIGTERM in received and not reachable(head, port):
                break  # the job's first node is gone, and with it who would send USR1
        stopped = signal.SIGUSR1 in received or ray.poll() is None
        if ray.poll() is None:
            end([psutil.Process(ray.pid)], signal.SIGTERM, STOP_SECONDS)
    finally:
        for _ in range(3):  # a process may start another one while it is being ended
            end(psutil.Process().children(recursive=True), signal.SIGKILL, 2)
        shutil.rmtree(folder, ignore_errors=True)
    if not stopped:
        print(f"error: Ray ended by itself, with status {ray.returncode}", file=sys.stderr)
    return 0 if stopped else 1


if __name__ == "__main__":
    sys.exit(main())
