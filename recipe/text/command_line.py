"""The parser of a command that is called by its console script or as a module."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


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
