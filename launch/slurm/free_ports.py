"""Print the first port of each free block of ports on this node, among the candidates of this job.

    python free_ports.py JOB_ID FIRST-LAST COUNT

Runs on every node of the job, which then takes a block that all of them have free. The candidates follow from the job's
number, so that two jobs on one node start from different ones.
"""

import re
import socket
import sys

CANDIDATES = 16


def free(port: int) -> bool:
    """True if nothing listens on this port, on any address of the node, of IPv4 or IPv6."""
    for family, anywhere in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        try:
            probe = socket.socket(family, socket.SOCK_STREAM)
        except OSError:
            continue  # a kernel without IPv6
        with probe:
            # As servers do: a connection of an earlier job that has just been closed does not make a port busy.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                probe.bind((anywhere, port))
                probe.listen()
            except OSError:
                return False
    return True


def candidates(job: int, first: int, last: int, count: int) -> list[int]:
    """Where the job's blocks begin: consecutive blocks from a place that the job's number gives."""
    blocks = (last - first + 1) // count
    if blocks < 1:
        raise SystemExit(f"error: PORT_RANGE={first}-{last} has fewer than the {count} ports that a job needs")
    places = dict.fromkeys((job * CANDIDATES + i) % blocks for i in range(CANDIDATES))
    return [first + place * count for place in places]


def main() -> None:
    """See the module's docstring."""
    job, count = int(sys.argv[1]), int(sys.argv[3])
    found = re.fullmatch(r"(\d{1,5})-(\d{1,5})", sys.argv[2])
    first, last = map(int, found.groups()) if found else (0, 0)
    if not 1024 <= first <= last <= 65535:
        sys.exit(
            f"error: PORT_RANGE={sys.argv[2]} is no range of ports; give two numbers from 1024 to 65535, such as 20000-31999"
        )
    for base in candidates(job, first, last, count):
        if all(free(port) for port in range(base, base + count)):
            print(base)


if __name__ == "__main__":
    main()
