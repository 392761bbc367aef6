"""A time limit for a call of someone else's code, which may wait or compute for ever."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class TimeLimit(BaseException):
    """The time is over; no Exception, so that the code that is called does not take it for one of its own errors."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeLimit in the block after `seconds`, and again each second, should it be caught.

    By SIGALRM, which also ends a sleep, a read or a regular expression, but not C code that never looks at signals; only the
    main thread gets signals, so in another one there is no limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def expire(*_):
        raise TimeLimit

    before = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
