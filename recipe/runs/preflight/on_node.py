"""What runs on each node. Only the standard library, and sent by value: a node may lack this project."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import time


def describe(packages: list[str], module: str, paths: list[str]) -> dict:
    """What this machine has.

    packages: distributions whose versions are wanted; those that are not installed are left out.
    module: a module that workers import; `can_import` tells whether it is found.
    paths: files and folders; `missing` are those that do not exist here.

    Returns `versions` (with Python's), `can_import`, `missing` and `gpu_bytes`, the memory of each NVIDIA GPU, empty if
    nothing tells.
    """
    versions = {"python": platform.python_version()}
    for package in packages:
        try:
            versions[package] = importlib.metadata.distribution(package).version
        except importlib.metadata.PackageNotFoundError:
            continue
    try:
        can_import = importlib.util.find_spec(module) is not None
    except ImportError:
        can_import = False
    missing = [path for path in paths if not os.path.exists(path)]
    return {"versions": versions, "can_import": can_import, "missing": missing, "gpu_bytes": gpu_bytes()}


def gpu_bytes() -> list[int]:
    """Memory of each GPU by NVIDIA's management library, which needs no GPU of one's own."""
    try:
        import pynvml  # of nvidia-ml-py, which vLLM needs

        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
        return [pynvml.nvmlDeviceGetMemoryInfo(handle).total for handle in handles]
    except Exception:  # not installed, or no driver
        return []


def look(path: str, token: str, patience: float) -> str | None:
    """Whether a file holds the token: what is wrong, else None. Waits for it: network file systems may show new files late."""
    deadline = time.monotonic() + patience
    while not os.path.isfile(path):
        if time.monotonic() > deadline:
            return "does not see the file"
        time.sleep(0.2)
    with open(path) as file:
        return None if file.read() == token else "sees another file of that name"


def look_and_answer(asked: str, answer: str, token: str, patience: float) -> str | None:
    """`look` at the file `asked`, and write the token into the file `answer`."""
    try:
        fault = look(asked, token, patience)
        if fault is None:
            with open(answer, "w") as file:
                file.write(token)
    except OSError as error:
        return f"cannot use it ({error})"
    return fault


def remove(path: str) -> None:
    """Remove a file, if it is there."""
    if os.path.isfile(path):
        os.remove(path)
