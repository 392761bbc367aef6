"""Virtual hosts on one Linux machine: own network, process ids, mounts, host name, /tmp and /dev/shm. Needs root.

Everything lives below one process in namespaces of its own, so that nothing of it is seen outside (no addresses, no bridges),
and ending that process, as Linux does when pytest is killed, ends all of it. The hosts have what launch scripts stumble over:
the own name resolves to 127.0.1.1, there are several interfaces, and docker0 has the same address everywhere.
"""

from __future__ import annotations

import ctypes
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psutil

from tests import ROOT

NAMESPACES = ("--net", "--uts", "--mount", "--pid", "--ipc")
UNSHARE = ("unshare", *NAMESPACES, "--fork", "--kill-child", "--mount-proc", "--propagation=private")
# Two networks with IPv4, and one with IPv6 only. The last number is the host's.
NETWORKS = {"eth0": "10.77.0.{}/24", "eth1": "10.78.0.{}/24", "eth2": "fd77::{}/64"}

# Process 1 of a host. bash, since it reaps what loses its parent.
INIT = """
set -e
name=$1 state=$2 checkout=$3
hostname "$name"
# The checkout stays where it is, even below the /tmp that is hidden now.
mkdir -p "$state/checkout"
mount --bind "$checkout" "$state/checkout"
mount -t tmpfs -o mode=1777 tmpfs /tmp
mkdir -p "$checkout"
mount --bind "$state/checkout" "$checkout"
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount --bind "$state/$name/hosts" /etc/hosts
mount --bind /dev/null /etc/resolv.conf
mount -t sysfs sysfs /sys
touch "$state/$name/up"
sleep infinity &
wait
"""


def run(*command: str | Path, timeout: float = 60, **options) -> str:
    """Run a command and return what it wrote; its output is in the error if it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "input": "", "text": True} | options,
        timeout=timeout,
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout


def enter(pid: int, *command: str | Path) -> list[str]:
    """The command, in the namespaces of a process."""
    return ["nsenter", f"--target={pid}", *NAMESPACES, f"--wdns={ROOT}", "--", *map(str, command)]


def die_with_parent() -> None:
    """Ask Linux to kill this process when the one that started it ends."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def start_init(*command: str) -> tuple[subprocess.Popen, int]:
    """Start `unshare ... bash ...`, and return it with the process id of that bash."""
    unshare = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent
    )
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and unshare.poll() is None:
        for process in psutil.Process(unshare.pid).children(recursive=True):
            if process.name() == "bash":
                return unshare, process.pid
        time.sleep(0.02)
    raise TimeoutError(f"{' '.join(command)} has not started bash")


class Hosts:
    """Hosts node1 to nodeN and login; with no daemons."""

    def __init__(self, count: int):
        self.numbers = {f"node{i}": i for i in range(1, count + 1)} | {"login": 100}
        # Below neither /tmp nor /dev/shm, which each host has for itself.
        self.state = Path(tempfile.mkdtemp(prefix="cluster-", dir="/run"))
        self.state.chmod(0o755)
        self.inits: dict[str, tuple[subprocess.Popen, int]] = {}
        self.world: tuple[subprocess.Popen, int] | None = None

    def start(self) -> None:
        self.world = start_init(*UNSHARE, "bash", "-c", "sleep infinity & wait")
        for interface in NETWORKS:
            self.ip_outside(f"link add br-{interface} type bridge", f"link set br-{interface} up")
        for name in self.numbers:
            self.start_host(name)

    def ip_outside(self, *commands: str) -> None:
        """`ip ...` on the machine that the virtual hosts' cables end in."""
        run("nsenter", f"--target={self.world[1]}", "--net", "--", "ip", "-batch", "-", input="\n".join(commands))

    def start_host(self, name: str) -> None:
        """Power on."""
        number, folder = self.numbers[name], self.state / name
        folder.mkdir(exist_ok=True)
        (folder / "up").unlink(missing_ok=True)
        others = [f"10.77.0.{i} {other}" for other, i in self.numbers.items() if other != name]
        (folder / "hosts").write_text("\n".join(["127.0.0.1 localhost", f"127.0.1.1 {name}", *others, ""]))
        init = ("bash", "-c", INIT, f"init-{name}", name, str(self.state), str(ROOT))
        self.inits[name] = start_init(*enter(self.world[1]), *UNSHARE, *init)
        deadline = time.monotonic() + 20
        while not (folder / "up").exists():
            assert time.monotonic() < deadline, f"{name} does not start"
            time.sleep(0.02)
        self.connect(name, number)

    def connect(self, name: str, number: int) -> None:
        """Plug in the cables."""
        commands = [
            "link set lo up",
            "link add docker0 type bridge",
            "address add 172.17.0.1/16 dev docker0",
            "link set docker0 up",
        ]
        for interface, pattern in NETWORKS.items():
            port, init = f"{name}-{interface}", self.inits[name][1]
            self.ip_outside(
                f"link add {port} type veth peer name {interface} netns {init}", f"link set {port} master br-{interface} up"
            )
            flags = " nodad" if ":" in pattern else ""
            commands += [f"address add {pattern.format(number)} dev {interface}{flags}", f"link set {interface} up"]
        self.on(name, "ip", "-batch", "-", input="\n".join(commands))

    def on(self, name: str, *command: str | Path, timeout: float = 60, **options) -> str:
        """Run a command on a host, in the checkout."""
        return run(*enter(self.inits[name][1], *command), timeout=timeout, **options)

    def power_off(self, name: str) -> None:
        unshare, pid = self.inits.pop(name)
        psutil.Process(pid).kill()
        unshare.wait(timeout=20)

    def pull_cable(self, name: str, interface: str) -> None:
        self.ip_outside(f"link set {name}-{interface} down")

    def plug_in_cable(self, name: str, interface: str) -> None:
        self.ip_outside(f"link set {name}-{interface} up")

    def processes(self, name: str) -> list[psutil.Process]:
        """What runs on a host."""
        return psutil.Process(self.inits[name][1]).children(recursive=True)

    def stop(self) -> None:
        if self.world:
            psutil.Process(self.world[1]).kill()
            self.world[0].wait(timeout=20)
            for unshare, _ in self.inits.values():
                unshare.wait(timeout=20)
        checkout = self.state / "checkout"
        if checkout.exists():
            checkout.rmdir()  # empty here: the hosts' mounts are theirs; fails rather than removes a checkout
        shutil.rmtree(self.state)
