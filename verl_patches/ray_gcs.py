"""The nodes of a Ray cluster without joining it.

Missing in Ray 2.60.0's public interface: `ray.init()` and `ray.nodes()` register a driver, for which Ray starts a worker on
each CPU. Imports nothing else of verl's or of this project's but the contract.
"""

from __future__ import annotations

from verl_patches.contract import check


def alive_nodes(cluster: str, timeout_s: float) -> list[tuple[str, int]]:
    """(address, port) of the raylet of each node that the cluster at host:port lists as alive. Ray's errors go through."""
    check("Slurm")
    from ray._raylet import GcsClient
    from ray.core.generated.gcs_pb2 import GcsNodeInfo

    nodes = GcsClient(address=cluster).get_all_node_info(timeout=timeout_s).values()
    return [(n.node_manager_address, n.node_manager_port) for n in nodes if n.state == GcsNodeInfo.ALIVE]
