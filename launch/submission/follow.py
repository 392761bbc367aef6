"""Follow a job to its end: its log as it grows, across broken connections, then how it ended."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import closing

import aiohttp

from launch.submission import ClusterError, say
from launch.submission.client import CONNECT_S, Client
from recipe.text.visible import LogPieces, one_line

QUIET_S = 30  # a job that has ended is noticed after this time even if the connection died silently
GIVE_UP_S = 600
MAX_PAUSE_S = 30
ATTEMPTS_AFTER_THE_END = 3


class OutputClosed(Exception):
    """Nobody reads stdout any more."""


class Follower:
    """Copies a job's log to stdout, with what would command the terminal by name: a log holds data and what models write."""

    def __init__(self, client: Client, job_id: str):
        self._client, self._job_id = client, job_id
        self._copied = 0
        self._shown = LogPieces()
        self._lost = False
        self._pause = 1
        self._last_answer = time.monotonic()

    def run(self):
        """Return the job's details once it has ended and its log is copied."""
        attempts = 0
        while True:
            try:
                self._copy_log()
                complete, reason = True, "its log stream ended"
            except (ClusterError, aiohttp.ClientError, OSError, TimeoutError) as error:
                complete, reason = False, one_line(error) or type(error).__name__
            try:
                details = self._client.get_job_info(self._job_id)
                self._last_answer = time.monotonic()
                if details.status.is_terminal():
                    attempts += 1
                    if complete or attempts == ATTEMPTS_AFTER_THE_END:
                        self._print(self._shown.end())
                        return details
            except ClusterError as error:
                if not error.transient:
                    raise
                reason = str(error)
            if time.monotonic() - self._last_answer > GIVE_UP_S:
                raise ClusterError(f"no answer for {GIVE_UP_S // 60} minutes, the job may go on: {reason}")
            if not self._lost:
                say(f"lost the connection to the job's log ({reason}); trying again")
                self._lost = True
            time.sleep(self._pause)
            self._pause = min(MAX_PAUSE_S, 2 * self._pause)

    def _copy_log(self) -> None:
        """Copy what is new. The server sends the log from its start each time, so what is already copied is skipped."""
        position = 0
        with closing(log_stream(self._client, self._job_id, QUIET_S)) as stream:
            for text in stream:
                self._last_answer = time.monotonic()
                new = text[max(0, self._copied - position) :]
                position += len(text)
                if new:
                    self._write(new)
                elif not text and self._client.get_job_info(self._job_id).status.is_terminal():
                    raise ConnectionError("the job has ended, its log has not")

    def _write(self, text: str) -> None:
        if self._lost:
            say("connected again")
            self._lost, self._pause = False, 1
        self._print(self._shown.take(text))
        self._copied += len(text)

    def _print(self, text: str) -> None:
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError:
            raise OutputClosed from None


def log_stream(client: Client, job_id: str, quiet_s: float) -> Iterator[str]:
    """The job's log from its start, in pieces as it grows; an empty one after every `quiet_s` seconds without any.

    Ray's own `tail_job_logs` would wait for ever on a connection that died silently, and cannot take a line over 4 MiB.
    """
    with asyncio.Runner() as runner:
        session, websocket = runner.run(_connect(client, job_id))
        receiving = None
        try:
            while True:
                receiving = receiving or runner.get_loop().create_task(websocket.receive())
                runner.run(asyncio.wait([receiving], timeout=quiet_s))
                if not receiving.done():
                    yield ""
                    continue
                message, receiving = receiving.result(), None
                if message.type is aiohttp.WSMsgType.CLOSE:
                    return
                if message.type is not aiohttp.WSMsgType.TEXT:
                    raise ConnectionError("the connection was closed")
                yield message.data
        finally:
            runner.run(session.close())


async def _connect(client: Client, job_id: str):
    session = aiohttp.ClientSession(headers=client.headers, trust_env=False)  # neither a proxy nor .netrc of the environment
    try:
        url = f"{client.get_address()}/api/jobs/{job_id}/logs/tail"
        websocket = await asyncio.wait_for(session.ws_connect(url, proxy=client.proxy, max_msg_size=0), 4 * CONNECT_S)
    except BaseException:
        await session.close()
        raise
    # The dashboard does not answer websocket pings; TCP notices a dead peer in a minute.
    connection = websocket.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
            if hasattr(socket, option):  # macOS names the first one differently
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    return session, websocket
