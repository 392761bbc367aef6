"""Print this node's name, the address by which the job's other nodes reach it, and that address's interface.

    python node_address.py INTERFACE NODE=ADDRESS ...        INTERFACE may be empty; the addresses are Slurm's

It is Slurm's own for this node, if an interface has it, else the source of a packet to another node. Not asked are the node's
host name (Debian's installer gives it to 127.0.1.1) and the order of interfaces (docker0 has the same address on all nodes, and
the first one may be the public one). A node that is alone stays on loopback, which no other machine reaches.
"""

import os
import socket
import sys

import psutil

LOOPBACK = ("127.", "::1")
# Not 127.0.0.1, which Ray would replace by the address of the default route. All of 127.0.0.0/8 is the loopback interface's.
ALONE = ("127.0.0.2", "lo")
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


def resolved(name: str) -> list[tuple]:
    """What getaddrinfo knows of a name or address, IPv4 first."""
    try:
        found = socket.getaddrinfo(name, 9, type=socket.SOCK_DGRAM)
    except OSError:
        return []
    return sorted(found, key=lambda entry: entry[0] != socket.AF_INET)


def source_towards(peer: str) -> str | None:
    """The address that the kernel gives to packets for this peer; none is sent."""
    for family, kind, _, _, target in resolved(peer):
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
    if not others:
        return ALONE
    names = {address: name for name, address in have}
    for *_, (address, *_) in resolved(peers[node]) if node in peers else ():
        if address in names:
            return address, names[address]
    for peer in others:
        address = source_towards(peer)
        if address in names:
            return address, names[address]
    raise SystemExit(
        f"error: {node} has no route to the job's other nodes ({', '.join(others)}); its addresses: {listed}. "
        "Name the interface that connects the nodes in INTERFACE of the site's settings"
    )


def main() -> None:
    """See the module's docstring."""
    node = os.environ.get("SLURMD_NODENAME") or socket.gethostname()
    print(node, *choose(node, sys.argv[1], dict(peer.split("=", 1) for peer in sys.argv[2:])))


if __name__ == "__main__":
    main()
