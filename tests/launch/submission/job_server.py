"""A stand-in for the head's job server that records what it gets, and a proxy that records what it is asked for."""

import asyncio
import threading
from contextlib import contextmanager

from aiohttp import web

LOG = [
    "first \x1b[36mblue\x1b[0m\n",
    "cut \x1b",
    "[31mred\x1b[0m 10%\r20%\r",
    "\n",
    "title \x1b]0;owned\x07 up\x1b[2A \u202eback\n",
]


class JobServer:
    """Takes any job, whose log is LOG, and says that it succeeded. requests: (method, path, headers); package: the upload."""

    def __init__(self):
        self.requests, self.package, self.submitted = [], None, None

    async def answer(self, request):
        self.requests.append((request.method, request.path, dict(request.headers)))
        path = request.path
        if path == "/api/version":
            return web.json_response({"version": "4", "ray_version": "2.60.0", "ray_commit": ""})
        if path.startswith("/api/packages/"):
            if request.method == "PUT":
                self.package = await request.read()
            return web.Response(status=200 if self.package else 404)
        if path.endswith("/logs/tail"):
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            for piece in LOG:
                await socket.send_str(piece)
            await socket.close()
            return socket
        if request.method == "POST":
            self.submitted = await request.json()
            return web.json_response({"submission_id": "job", "job_id": "job"})
        return web.json_response(
            {"type": "SUBMISSION", "submission_id": "job", "status": "SUCCEEDED", "entrypoint": "", "driver_exit_code": 0}
        )


class Proxy:
    """Refuses everything. requests: (method, whole target, headers)."""

    def __init__(self):
        self.requests = []

    async def answer(self, request):
        self.requests.append((request.method, str(request.url), dict(request.headers)))
        return web.Response(status=502)


@contextmanager
def served(handler):
    """Its address, while it answers on a port of this machine."""
    loop, ready, addresses = asyncio.new_event_loop(), threading.Event(), []

    async def start():
        runner = web.ServerRunner(web.Server(handler.answer))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        addresses.append(f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}")
        ready.set()
        return runner

    def run():
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(10)
    yield addresses[0]
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
