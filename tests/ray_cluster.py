"""A real Ray head with its dashboard and token authentication on this machine, beside any other one."""

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import psutil

BIN = Path(sys.executable).parent


def free_ports(number):
    """Ports that nothing listens on; all are held until the last is found, so that they differ."""
    held = [socket.socket() for _ in range(number)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


class Head:
    """A running head node; `stop` leaves no process and no file."""

    def __init__(self):
        self.token = secrets.token_hex(16)
        self.folder = Path(tempfile.mkdtemp(prefix="ray", dir="/tmp"))  # its sockets' paths must be short
        self._mark = ("RAY_TEST_HEAD", str(self.folder))
        gcs, dashboard, agent, client_server = free_ports(4)
        self.address = f"http://127.0.0.1:{dashboard}"
        variables = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self.token, **dict([self._mark])}
        variables["PATH"] = f"{BIN}:{os.environ['PATH']}"  # where a job's `python` is found
        ports = {"port": gcs, "dashboard-port": dashboard, "dashboard-agent-listen-port": agent}
        ports |= {"ray-client-server-port": client_server, "min-worker-port": 0, "max-worker-port": 0}
        options = {"num-cpus": 2, "object-store-memory": 80_000_000, "temp-dir": self.folder / "r", **ports}
        try:
            subprocess.run(
                [
                    BIN / "ray",
                    "start",
                    "--head",
                    "--disable-usage-stats",
                    *(f"--{name}={value}" for name, value in options.items()),
                ],
                env=plain_environment(self.folder) | variables,
                check=True,
                capture_output=True,
                timeout=120,
            )
        except BaseException:
            self.stop()
            raise

    def processes(self):
        """Everything that this head has started, jobs included; some of Ray's processes have overwritten their environment."""
        running = psutil.process_iter(["environ"])
        marked = [process for process in running if self._mark in (process.info["environ"] or {}).items()]
        found = set(marked)
        for process in marked:
            with contextlib.suppress(psutil.NoSuchProcess):
                found.update(process.children(recursive=True))
        return found

    def stop(self):
        started = set()
        deadline = time.monotonic() + 30
        while True:
            started |= self.processes()
            alive = [process for process in started if process.is_running() and not is_zombie(process)]
            if not alive or time.monotonic() > deadline:
                break
            for process in alive:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            time.sleep(0.2)
        shutil.rmtree(self.folder, ignore_errors=True)
        assert not alive


def is_zombie(process):
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def plain_environment(home):
    """This environment without what would lead Ray or its clients elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_") and "proxy" not in name.lower()}
    return kept | {"HOME": str(home)}


class Relay:
    """A network between a client and `target` that breaks when it is told to."""

    def __init__(self, target):
        self._target = ("127.0.0.1", urlsplit(target).port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open = []
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._target)
            self._open += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    @staticmethod
    def _copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def cut(self):
        for one in self._open:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self._open.clear()

    def close(self):
        self._listener.close()
        self.cut()
