"""A command of the project in processes of its own, found again by a mark in their environment."""

import os
import subprocess
import time
from pathlib import Path

from tests import ROOT


def start(command: list[str], log: Path, **environment: str) -> subprocess.Popen:
    """Start a command as users do, with a Ray cluster of its own and its output in a file, whose path is the mark."""
    inherited = dict(os.environ)
    for name in ("VERL_PLATFORM", "VERL_USE_EXTERNAL_MODULES"):  # the entry point must set them itself
        inherited.pop(name, None)
    mark = {"RAY_ADDRESS": "local", "TEST_LOG": str(log)}
    with log.open("w") as output:
        return subprocess.Popen(command, cwd=ROOT, env=inherited | mark | environment, stdout=output, stderr=subprocess.STDOUT)


def left_of(log: Path) -> list[int]:
    """Pids of the living processes of a started command."""
    return marked("TEST_LOG", str(log))


def marked(name: str, value: str) -> list[int]:
    """Pids of the living processes with that variable in their environment."""
    mark, pids = f"{name}={value}".encode(), []
    for entry in Path("/proc").iterdir():
        try:
            alive = entry.name.isdigit() and (entry / "stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
            if alive and mark in (entry / "environ").read_bytes().split(b"\0"):
                pids.append(int(entry.name))
        except OSError:
            continue
    return pids


def assert_nothing_left_of(log: Path) -> None:
    """Every process of the command goes by itself, at once or soon."""
    deadline = time.monotonic() + 120
    while (left := left_of(log)) and time.monotonic() < deadline:
        time.sleep(1)
    assert not left, [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in left if Path(f"/proc/{pid}").exists()]
