"""The nodes of a Ray cluster: asked something, without taking resources, and which of them are lost."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

PATIENCE = 60  # seconds for all nodes to answer; a worker process has to start
NOTICED_IN = 40  # seconds in which Ray notices that a node does not answer; by default after five checks, three seconds apart


class ResponsesMissing(ValueError):
    """Responses did not come; a node that is lost may be why."""


def on_nodes(function: Callable, arguments: dict[str, tuple]) -> dict[str, Any]:
    """Run a function on nodes, at the same time.

    function: sent with its module by value, since a node may lack this project; the module imports nothing else of it.
    arguments: of the function, by node id.

    Returns the results by node id, of those nodes that answered in time.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    if not arguments:
        return {}
    ray.cloudpickle.register_pickle_by_value(sys.modules[function.__module__])
    task = ray.remote(num_cpus=0, max_retries=0)(function)
    calls = {}
    for node, given in arguments.items():
        there = NodeAffinitySchedulingStrategy(node, soft=False)
        calls[task.options(scheduling_strategy=there).remote(*given)] = node
    done, _ = ray.wait(list(calls), num_returns=len(calls), timeout=PATIENCE)
    results = {}
    for call in done:
        try:
            results[calls[call]] = ray.get(call)
        except ray.exceptions.RayError as error:  # the node counts as silent; this says why
            print(f"node {calls[call]}: {error}", file=sys.stderr)
    return results


def dead() -> set[str]:
    """Ids of the nodes that Ray has lost, or that have left."""
    import ray

    return {node["NodeID"] for node in ray.nodes() if not node["Alive"]}


def lost(before: set[str], patience: float = NOTICED_IN) -> list[str]:
    """Addresses of the nodes that are lost, but for those that were `before`; waits for Ray to notice.

    Where this node is the only one, nothing can be lost, and nothing is waited for.
    """
    import ray

    deadline = time.monotonic() + patience
    while True:
        try:
            found = [node for node in ray.nodes() if node["NodeID"] not in before]
        except Exception:  # whatever Ray raises when its own head is gone
            return []
        gone = sorted(node["NodeManagerAddress"] for node in found if not node["Alive"])
        if gone or len(found) < 2 or time.monotonic() > deadline:
            return gone
        time.sleep(1)
