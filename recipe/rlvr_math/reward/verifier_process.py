"""The program of a verifier process: compares answers with computer algebra, one JSON line in, one JSON line out.

It is started by `verifier_pool` as a script, so that neither torch nor verl nor Ray is imported here. What a model writes may
make sympy compute for hours or ask for all memory. So the limits are the kernel's: a timer's signal with its default action
ends this process even inside one long C call, where a Python handler would never run. That also
happens when the parent is gone; an idle process ends when its stdin closes. The limit is on CPU time, so that a verdict does
not depend on how busy the machine is; on the clock it is WALL_FACTOR times as long.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import sys
from pathlib import Path

MEMORY_LIMIT = 512 * 2**20  # bytes of address space; 65 MiB of it are in use after the imports
# A process that has grown beyond this ends after its reply: an innocent answer must not meet what another one left.
PEAK_MEMORY = 256 * 2**10  # KiB
WALL_FACTOR = 4.0


def load():
    """Import computer algebra and warm it up; return what answers {"gold": ..., "answer": ...} and {"parse": ...}."""
    sys.path.append(str(Path(__file__).parents[3]))
    from recipe.rlvr_math.reward.equality import Judge
    from recipe.rlvr_math.reward.expressions import Sympy
    from recipe.rlvr_math.reward.stated import Stated

    algebra = Sympy()

    def handle(request: dict) -> dict:
        judge = Judge(algebra)
        if "parse" in request:
            return {"result": judge.reads(request["parse"])}
        return {"result": judge.decide(request["gold"], request["answer"], Stated(**request["stated"])), "rules": judge.rules}

    handle({"gold": r"\frac{1}{2}, (1, x]", "answer": r"\sqrt{2}, 0.5", "stated": {}})  # the first parse takes half a second
    return handle


def peak_memory() -> int:
    """The most memory that this program has had, in KiB. (getrusage's ru_maxrss would begin with that of the parent.)"""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def set_limits(seconds: float) -> None:
    """End this process after `seconds` of CPU time; 0: not at all."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, WALL_FACTOR * seconds)


def main() -> None:
    """Serve until stdin closes, the time limit of a request is over, or the memory has grown."""
    replies = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # antlr prints to stdout
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    for ending in (signal.SIGALRM, signal.SIGPROF):
        signal.signal(ending, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])  # the parent's thread may have blocked them
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable(logging.CRITICAL)

    def reply(message: dict) -> None:
        replies.write(json.dumps(message) + "\n")
        replies.flush()

    try:
        handle = load()
    except Exception as error:
        reply({"error": f"{type(error).__name__}: {error}"})
        return
    reply({"ready": True})
    for line in sys.stdin:
        request = json.loads(line)
        set_limits(request["seconds"])
        try:
            answer = handle(request)
        except Exception:  # whatever such text raises: it is not the right answer
            answer = {"result": False, "rules": ["it cannot be read"]}
        set_limits(0)
        last = peak_memory() > PEAK_MEMORY
        reply(answer | {"last": last})
        if last:
            return


if __name__ == "__main__":
    main()
