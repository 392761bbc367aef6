"""Joining a running Ray cluster and asking each of its nodes what it has."""

from __future__ import annotations

import socket

from omegaconf import DictConfig, OmegaConf

from recipe.runs.nodes import on_nodes
from recipe.runs.preflight import on_node
from recipe.runs.preflight.facts import Node
from verl_patches.ray_cluster import free_resources


def ask_cluster(ray_init: DictConfig, address: str, questions: tuple) -> list[Node]:
    """Join the cluster as the run will, and ask each node. Nobody leaves it again here.

    ray_init: the run's `ray_kwargs.ray_init`, with its runtime environment. questions: arguments of `on_node.describe`.

    Raises:
        ValueError: nothing answers at the address.
    """
    import ray
    from verl.utils.device import get_resource_name

    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
    except OSError as error:  # Ray itself would try for two minutes, then kill this process
        raise ValueError(
            f"no Ray cluster answers at {address} ({error}); set RAY_ADDRESS to a running one, or to `local` for one of its own"
        ) from None
    if not ray.is_initialized():
        options = OmegaConf.to_container(ray_init, resolve=True)
        ray.init(**options | {"address": address, "log_to_driver": False, "logging_level": "ERROR"})
    resource, free = get_resource_name(), free_resources()
    alive = [node for node in ray.nodes() if node["Alive"]]
    about = on_nodes(on_node.describe, {node["NodeID"]: questions for node in alive})
    return [
        Node(
            name=node["NodeName"],
            id=node["NodeID"],
            gpus=int(node["Resources"].get(resource, 0)),
            free=int(free.get(node["NodeID"], {}).get(resource, 0)),
            about=about.get(node["NodeID"]),
        )
        for node in alive
    ]
