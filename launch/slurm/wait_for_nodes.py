"""Wait until all of these nodes are in the Ray cluster at RAY_ADDRESS; exit with status 1 and name the missing ones.

    python wait_for_nodes.py SECONDS NODE=ADDRESS ...

Runs on the head: before the token is sent to the head's port, whoever listens there is looked at. The port follows from the
job's number, and another user of the node may have taken it first.
"""

import os
import sys
import time
from pathlib import Path

from reachable import listeners, own, reachable

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from verl_patches.guard import ContractBroken
from verl_patches.ray_gcs import alive_nodes


def joined(cluster: str) -> set[str]:
    """The addresses in the cluster now; none while the head is not up."""
    port = cluster.rpartition(":")[2]
    if not own(int(port)):
        return set()  # nobody yet, or somebody else, who must not get the token
    try:
        nodes = alive_nodes(cluster, timeout_s=10)
    except ContractBroken as error:
        sys.exit(f"error: {error}")
    except Exception:  # the head is starting or going
        return set()
    # Ask the raylet itself too: for up to a minute after a host is lost, Ray lists it as alive.
    return {address for address, port in nodes if reachable(address, port)}


def main() -> None:
    """See the module's docstring."""
    limit = float(sys.argv[1])
    wanted = {address: name for name, address in (node.split("=", 1) for node in sys.argv[2:])}
    deadline = time.monotonic() + limit
    while not (present := joined(os.environ["RAY_ADDRESS"])) >= wanted.keys():
        if time.monotonic() > deadline:
            port = int(os.environ["RAY_ADDRESS"].rpartition(":")[2])
            if others := listeners(port) - {os.getuid()}:
                sys.exit(f"error: port {port} of the head belongs to another user (uid {others.pop()}); submit the job again")
            missing = ", ".join(f"{name} ({address})" for address, name in wanted.items() if address not in present)
            sys.exit(f"error: after {limit:.0f} s these nodes are not in the Ray cluster: {missing}")
        time.sleep(0.5)


if __name__ == "__main__":
    main()
