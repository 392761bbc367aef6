"""Whether something listens at an address."""

import socket


def reachable(address: str, port: int) -> bool:
    """True if a connection is accepted within seconds."""
    try:
        socket.create_connection((address, port), timeout=5).close()
    except OSError:
        return False
    return True
