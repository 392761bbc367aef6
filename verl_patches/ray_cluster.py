"""What a running Ray cluster is and has, as `ray.init` and verl see it.

Missing in Ray 2.60.0's public interface: which cluster `ray.init` would join, and the free resources of each node. verl itself
counts by the second one (`ResourcePoolManager`).
"""

from __future__ import annotations

from verl_patches.contract import check


def cluster_address(address: str | None, temp_dir: str | None) -> str | None:
    """The host:port that `ray.init` would join with these arguments, environment included; None if it would start its own."""
    check("preflight")
    from ray._private.services import canonicalize_bootstrap_address

    return canonicalize_bootstrap_address(address, temp_dir)


def free_resources() -> dict[str, dict[str, float]]:
    """What nobody has taken, by node id and resource; this process must have joined the cluster."""
    from ray._private.state import available_resources_per_node

    return available_resources_per_node()
