"""The program of a verifier process: compares answers with math-verify, one JSON line in, one JSON line out.

It is started by `verifier_pool` as a script, so that neither torch nor verl nor Ray is imported here. What a model writes may
make sympy compute for hours or ask for all memory. So the limits are the kernel's: a timer's signal with its default action
ends this process even inside one long C call, where a Python handler (math-verify's own limit) would never run. That also
happens when the parent is gone; an idle process ends when its stdin closes. The limit is on CPU time, so that a verdict does
not depend on how busy the machine is; on the clock it is WALL_FACTOR times as long.
"""

from __future__ import annotations

import json
import logging
import os
import re
import resource
import signal
import sys

MEMORY_LIMIT = 512 * 2**20  # bytes of address space; 65 MiB of it are in use after the imports
# A process that has grown beyond this ends after its reply: an innocent answer must not meet what another one left.
PEAK_MEMORY = 256 * 2**10  # KiB
WALL_FACTOR = 4.0

_SCIENTIFIC = re.compile(r"([+-]?\d+(?:\.\d+)?)[eE]\+?(-?\d+)", re.ASCII)


def as_latex(answer: str) -> str:
    """The text in which math-verify finds exactly `answer`: boxed, unless it has formulas of its own or odd braces."""
    if number := _SCIENTIFIC.fullmatch(answer):  # math-verify reads the e of 4.5e33 as Euler's number
        answer = rf"{number[1]} \times 10^{{{number[2]}}}"
    if any(mark in answer for mark in ("$", r"\(", r"\[")):
        return answer
    return rf"\boxed{{{answer}}}" if answer.count("{") == answer.count("}") else f"${answer}$"


def load():
    """Import math-verify and warm it up; return what answers {"gold": ..., "answer": ...} and {"parse": ...}."""
    import math_verify
    from sympy import Basic, MatrixBase

    targets = [math_verify.LatexExtractionConfig(boxed_match_priority=0), math_verify.ExprExtractionConfig()]

    def parse(text: str) -> list:
        return math_verify.parse(as_latex(text), targets, parsing_timeout=None)

    def handle(request: dict) -> bool:
        if "parse" in request:
            return any(isinstance(found, Basic | MatrixBase) for found in parse(request["parse"]))
        return bool(math_verify.verify(parse(request["gold"]), parse(request["answer"]), timeout_seconds=None))

    handle({"gold": r"\frac{1}{2}, (1, x]", "answer": r"\sqrt{2}, 0.5"})  # the first parse takes half a second
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
            result = handle(request)
        except Exception:  # whatever sympy raises on such text: it is not the right answer
            result = False
        set_limits(0)
        last = peak_memory() > PEAK_MEMORY
        reply({"result": result, "last": last})
        if last:
            return


if __name__ == "__main__":
    main()
