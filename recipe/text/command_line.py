"""What commands have in common that are called by their console script or as a module: the parser, and how they end."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from recipe.text.visible import visible


def parser(module: str, says: str, examples: str) -> argparse.ArgumentParser:
    """A parser whose help names the command as it was called.

    says: what the command does, with `python -m <module>` where it names itself. examples: lines of arguments.
    """
    called = Path(sys.argv[0]).name
    program = called if called.startswith("token-rl-") else f"python -m {module}"
    return argparse.ArgumentParser(
        prog=program,
        description=says.replace(f"python -m {module}", program),
        epilog="examples:\n" + "\n".join(f"  %(prog)s {line}" for line in examples.strip().splitlines()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def answered(work: Callable[[], object]) -> int:
    """Do a command's work and print what it returns, if anything. Status 0; 2 with one sentence on stderr for wrong input."""
    try:
        found = work()
    except (ValueError, OSError) as error:
        print(visible(f"error: {error}"), file=sys.stderr)
        return 2
    if found is not None:
        print(found)
    return 0


@contextmanager
def warnings_as_sentences() -> Iterator[None]:
    """Warnings are for readers, each time, without the place in the code."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *_: print(visible(f"warning: {message}"), file=sys.stderr)
        yield
