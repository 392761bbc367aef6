"""Verifier processes for threads: every question is answered or given up within its time limit.

verl 0.9.1 calls a reward function from the threads of an asyncio executor (up to 32 in each reward worker). math-verify's own
time limit is a signal handler, which Python runs in the main thread only, and a thread that computes cannot be ended. A
process can.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import asdict
from pathlib import Path

from recipe.rlvr_math.reward.stated import NOTHING, Stated
from recipe.rlvr_math.reward.verifier_process import WALL_FACTOR

PROCESSES = 4  # for each process that scores answers, of which verl has `reward.num_workers`; started when needed
START_SECONDS = 120.0  # importing sympy takes a second, from a slow network disk much more
GRACE_SECONDS = 1.0  # the process ends itself at its limit; after this it is killed from here


class VerifierTimeout(Exception):
    """The limit of time or memory was reached; the process that was asked is gone."""


class VerifierPool:
    """Up to `size` verifier processes, each asked by one thread at a time. The limits count from when one is free."""

    def __init__(self, size: int = PROCESSES):
        self._free = threading.Semaphore(size)
        self._idle: deque[_Verifier] = deque()

    def decide(self, gold: str, answer: str, seconds: float, stated: Stated = NOTHING) -> tuple[bool, list[str]]:
        """Whether `answer` is right for `gold` (see `equality.Judge`), and the rules by which that was decided.

        Raises:
            VerifierTimeout: not decided within `seconds` of CPU time (or within the memory limit).
            RuntimeError: no verifier process can be started.
        """
        reply = self._ask({"gold": gold, "answer": answer, "stated": asdict(stated), "seconds": seconds})
        return reply["result"], reply["rules"]

    def equal(self, gold: str, answer: str, seconds: float) -> bool:
        """Whether `answer` is right for `gold`. Raises what `decide` raises."""
        return self.decide(gold, answer, seconds)[0]

    def parses(self, answer: str, seconds: float) -> bool:
        """Whether `answer` can be computed with, and is not only text. Raises what `decide` raises."""
        return self._ask({"parse": answer, "seconds": seconds})["result"]

    def _ask(self, request: dict) -> dict:
        with self._free:
            verifier = self._take()
            reply = verifier.ask(request)
            if reply["last"]:
                verifier.end()
            else:
                self._idle.append(verifier)
            return reply

    def _take(self) -> _Verifier:
        while self._idle:
            try:
                verifier = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            if verifier.process.poll() is None:
                return verifier
        return _Verifier()

    def __len__(self) -> int:
        return len(self._idle)


class _Verifier:
    """One verifier process."""

    def __init__(self):
        script = Path(__file__).with_name("verifier_process.py")
        # -P: the script's folder stays off sys.path, where its neighbours would hide modules of the standard library.
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        hello = self._read(START_SECONDS)
        if hello is None or "error" in hello:
            self.end()
            reason = f"exit status {self.process.returncode}" if hello is None else hello["error"]
            raise RuntimeError(
                f"the verifier process cannot be started ({reason}); `python -P {script}` must import math-verify "
                "(pip install math-verify==0.9.0)"
            )

    def ask(self, request: dict) -> dict:
        """The reply; VerifierTimeout, after the process has been ended, if none comes."""
        try:
            self.process.stdin.write(json.dumps(request).encode("ascii") + b"\n")
            reply = self._read(WALL_FACTOR * request["seconds"] + GRACE_SECONDS)
        except BrokenPipeError:
            reply = None
        if reply is None:
            self.end()
            raise VerifierTimeout
        return reply

    def _read(self, seconds: float) -> dict | None:
        """The next line; None if the process ends or the time is over before it is complete."""
        out = self.process.stdout.fileno()
        poll = select.poll()
        poll.register(out, select.POLLIN)
        end, line = time.monotonic() + seconds, b""
        while not line.endswith(b"\n"):
            if not poll.poll(max(0.0, end - time.monotonic()) * 1000):
                return None
            part = os.read(out, 65536)
            if not part:
                return None
            line += part
        return json.loads(line)

    def end(self) -> None:
        """End the process and close its pipes."""
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


_pool = VerifierPool()


def pool() -> VerifierPool:
    """The pool of this process."""
    return _pool


def _forget_parents_pool() -> None:
    global _pool
    _pool = VerifierPool()


os.register_at_fork(after_in_child=_forget_parents_pool)
