"""Who the actors of a run are, and what the titles of their processes say.

Undocumented: `__ray_call__` runs a function in an actor (Ray 2.60.0), an actor's process is titled `ray::Class.method` while a
method runs, and vLLM's processes (0.24.0) are titled `VLLM::Name`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from verl_patches.contract import check

_RAY, _VLLM = "ray::", "VLLM"


def ask(actor, function: Callable):
    """Call a function of the actor itself in an actor's process, once it is idle; Ray's reference to the result."""
    return actor.__ray_call__.remote(function)


def about(_) -> tuple[str, str, int, list[int]]:
    """Of an actor: the id and the address of its node, its pid, and the pids of the vLLM processes that it started."""
    import psutil
    import ray

    if "vllm.utils.system_utils" in sys.modules:
        check("vLLM server")
    engines = [child.pid for child in psutil.Process().children(recursive=True) if title(child).startswith(_VLLM)]
    return ray.get_runtime_context().get_node_id(), ray.util.get_node_ip_address(), os.getpid(), engines


def title(process) -> str:
    """The title of a psutil process; empty if it has just ended, or nobody has waited for it."""
    import psutil

    try:
        command = process.cmdline()
    except psutil.Error:
        return ""
    return command[0] if command else ""


def method_of(process_title: str) -> str:
    """The method that an actor runs by the title of its process; empty if it runs none."""
    return process_title.removeprefix(_RAY).partition(".")[2]
