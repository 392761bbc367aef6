"""Asking the nodes of a Ray cluster something, without taking resources."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

PATIENCE = 60  # seconds for all nodes to answer; a worker process has to start


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
