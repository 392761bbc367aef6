"""Wait until all of these nodes are in the Ray cluster at RAY_ADDRESS; exit with status 1 and name the missing ones.

python wait_for_nodes.py SECONDS NODE=ADDRESS ...
"""

import os
import sys
import time

from ray._raylet import GcsClient
from ray.core.generated.gcs_pb2 import GcsNodeInfo
from reachable import reachable


def joined(cluster: str) -> set[str]:
    """The addresses in the cluster now; none while the head is not up.

    Not `ray.init()` and `ray.nodes()`: that would register a driver, for which Ray starts a worker on each CPU.
    """
    host, _, port = cluster.rpartition(":")
    if not reachable(host.strip("[]"), int(port)):
        return set()
    try:
        nodes = GcsClient(address=cluster).get_all_node_info(timeout=10).values()
    except Exception:  # the head is starting or going
        return set()
    return {
        node.node_manager_address
        for node in nodes
        # Ask the raylet itself too: for up to a minute after a host is lost, Ray lists it as alive.
        if node.state == GcsNodeInfo.ALIVE and reachable(node.node_manager_address, node.node_manager_port)
    }


def main() -> None:
    """See the module's docstring."""
    limit = float(sys.argv[1])
    wanted = {address: name for name, address in (node.split("=", 1) for node in sys.argv[2:])}
    deadline = time.monotonic() + limit
    while not (present := joined(os.environ["RAY_ADDRESS"])) >= wanted.keys():
        if time.monotonic() > deadline:
            missing = ", ".join(f"{name} ({address})" for address, name in wanted.items() if address not in present)
            sys.exit(f"error: after {limit:.0f} s these nodes are not in the Ray cluster: {missing}")
        time.sleep(0.5)


if __name__ == "__main__":
    main()
