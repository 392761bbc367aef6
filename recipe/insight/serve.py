"""The page of live runs, over HTTP on this machine's loopback address: built anew when a run has written something.

Whoever knows the address sees responses and whole configurations, so that a token is a part of it. From elsewhere one comes by
a tunnel, `ssh -L PORT:127.0.0.1:PORT HOST`. Nothing can be changed through it: it answers GET, and reads files.
"""

from __future__ import annotations

import gzip
import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from recipe.text.visible import visible

HOST = "127.0.0.1"
RETRY_S = 5
# What training adds to or replaces; a run's configuration does not change.
WATCHED = ("metrics*.jsonl", "warnings.json", "display.json", "tokens/*.parquet")


def state_of(folders: Sequence[Path]) -> str:
    """A digest of the sizes and times of what the page is made of: another one, another page."""
    found = hashlib.sha256()
    for folder in folders:
        for pattern in WATCHED:
            for path in sorted(folder.glob(pattern)):
                try:
                    seen = path.stat()
                except OSError:  # a link to nothing, or a file that has just been replaced
                    continue
                found.update(f"{path}\0{seen.st_size}\0{seen.st_mtime_ns}\0".encode(errors="surrogateescape"))
    return found.hexdigest()[:16]


class Pages:
    """make: the page as it would be now, given its state; ValueError if the runs cannot be read (yet)."""

    def __init__(self, folders: Sequence[Path], make: Callable[[str], str]):
        self._folders, self._make, self._lock = folders, make, threading.Lock()
        self._state, self._packed = "", b""

    def state(self) -> str:
        """Of the runs' files."""
        return state_of(self._folders)

    def packed(self) -> bytes:
        """The page, gzipped; built if there is something new. ValueError as `make`."""
        with self._lock:  # one build at a time, however many ask
            state = self.state()
            if state != self._state:
                self._packed = gzip.compress(self._make(state).encode(), compresslevel=5)
                self._state = state
            return self._packed


def handler(pages: Pages, token: str) -> type[BaseHTTPRequestHandler]:
    """Answers /TOKEN/ with the page and /TOKEN/state with its state, and nothing else."""

    class Handler(BaseHTTPRequestHandler):
        server_version, sys_version = "insight", ""

        def do_GET(self):
            # A name of somebody else's that leads here is a page of somebody else's that reads this one.
            if self.headers.get("Host", "").rpartition(":")[0] not in (HOST, "localhost"):
                return self._answer(403, b"this is served to this machine alone")
            _, given, *rest = self.path.partition("?")[0].split("/", 2)
            if not hmac.compare_digest(given.encode(errors="replace"), token.encode()) or rest not in ([""], ["state"]):
                return self._answer(404, b"there is nothing here; take the whole address that the command has printed")
            if rest == ["state"]:
                return self._answer(200, pages.state().encode())
            try:
                page = pages.packed()
            except (ValueError, OSError) as error:
                waiting = {"Refresh": str(RETRY_S)}
                return self._answer(503, visible(f"no page yet: {error}").encode(errors="replace"), waiting)
            return self._answer(200, page, {"Content-Type": "text/html; charset=utf-8", "Content-Encoding": "gzip"})

        def _answer(self, status: int, body: bytes, more: dict[str, str] | None = None) -> None:
            headers = {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(body))}
            headers |= {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
            headers |= {"Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY"}
            self.send_response(status)
            for name, value in (headers | (more or {})).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_) -> None:
            """A line for each request would hide the address."""

    return Handler


def make_server(folders: Sequence[Path], make: Callable[[str], str], port: int) -> tuple[ThreadingHTTPServer, str]:
    """A server that is bound but does not answer yet, and its address. port: 0 for any.

    Raises:
        ValueError: the port cannot be had.
    """
    token = secrets.token_urlsafe(24)
    try:
        server = ThreadingHTTPServer((HOST, port), handler(Pages(folders, make), token))
    except (OSError, OverflowError) as error:
        raise ValueError(f"--serve {port}: {error}; give another port, 0 for any") from None
    return server, f"http://{HOST}:{server.server_address[1]}/{token}/"
