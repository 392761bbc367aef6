"""Print this node's name, the address by which the job's other nodes reach it, and that address's interface.

    python node_address.py INTERFACE NODE=ADDRESS ...        INTERFACE may be empty; the addresses are Slurm's

The address is the source of a packet to another node. Host names are not asked (Debian's installer gives the own one to
127.0.1.1), nor the order of interfaces (docker0 has the same address on all nodes).
"""

import os
import socket
import sys

import psutil

LOOPBACK = ("127.", "::1")
FAMILIES = (socket.AF_INET, socket.AF_INET6)


def interfaces() -> list[tuple[str, str]]:
    """(interface, address) of this node, IPv4 first, without loopback and link-local addresses."""
    found = [
        (family, name, entry.address)
        for family in FAMILIES
        for name, entries in psutil.net_if_addrs().items()
        for entry in entries
        if entry.family == family and not entry.address.startswith((*LOOPBACK, "fe80:"))
    ]
    return [(name, address) for _, name, address in found]


def source_towards(peer: str) -> str | None:
    """The address that the kernel gives to packets for this peer; none is sent."""
    try:
        targets = socket.getaddrinfo(peer, 9, type=socket.SOCK_DGRAM)
    except OSError:
        return None
    for family, kind, _, _, target in sorted(targets, key=lambda found: found[0] != socket.AF_INET):
        with socket.socket(family, kind) as probe:
            try:
                probe.connect(target)
            except OSError:
                continue
            address = probe.getsockname()[0].split("%")[0]
        if not address.startswith(LOOPBACK):
            return address
    return None


def choose(node: str, wanted: str, peers: dict[str, str]) -> tuple[str, str]:
    """(address, interface) of this node."""
    have = interfaces()
    listed = ", ".join(f"{name} {address}" for name, address in have) or "none"
    if wanted:
        for name, address in have:
            if name == wanted:
                return address, name
        raise SystemExit(f"error: {node} has no address on INTERFACE={wanted}; its addresses: {listed}")
    others = [address for name, address in peers.items() if name != node]
    names = {address: name for name, address in have}
    for peer in others:
        address = source_towards(peer)
        if address in names:
            return address, names[address]
    if others:
        raise SystemExit(
            f"error: {node} has no route to the job's other nodes ({', '.join(others)}); its addresses: {listed}. "
            "Name the interface that connects the nodes in INTERFACE of the site's settings"
        )
    name, address = have[0] if have else ("lo", "127.0.0.1")  # alone, any will do
    return address, name


def main() -> None:
    """See the module's docstring."""
    node = os.environ.get("SLURMD_NODENAME") or socket.gethostname()
    print(node, *choose(node, sys.argv[1], dict(peer.split("=", 1) for peer in sys.argv[2:])))


if __name__ == "__main__":
    main()
