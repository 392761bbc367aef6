"""What listens at an address."""

import os
import socket
from pathlib import Path

LISTENS = "0A"


def reachable(address: str, port: int) -> bool:
    """True if a connection is accepted within seconds."""
    try:
        socket.create_connection((address, port), timeout=5).close()
    except OSError:
        return False
    return True


def listeners(port: int, tables: tuple[str, ...] = ("/proc/net/tcp", "/proc/net/tcp6")) -> set[int]:
    """The user ids of those that listen on this port of this node, on any address."""
    found = set()
    for table in tables:
        if not os.path.exists(table):
            continue  # a kernel without IPv6
        for line in Path(table).read_text().splitlines()[1:]:
            _, local, _, state, _, _, _, user, *_ = line.split()
            if state == LISTENS and int(local.rpartition(":")[2], 16) == port:
                found.add(int(user))
    return found


def own(port: int) -> bool:
    """True if this user's processes listen on this port of this node, and nobody else's."""
    return listeners(port) == {os.getuid()}
