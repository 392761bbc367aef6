"""Which code a run is of: the project's version and commit, and the versions of what it builds on."""

from __future__ import annotations

import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

_HERE = Path(__file__)
_PACKAGES = ("verl", "vllm", "torch", "transformers", "ray")
BUILT_FROM = "commit.txt"  # in a wheel, beside this file; setup.py writes it


@cache
def code() -> dict[str, Any]:
    """`version` and `commit` of this project, None where they are not known, and `packages`, {name: version}."""
    return {
        "version": _version("verl-htpo"),
        "commit": _commit(_HERE),
        "packages": {name: found for name in _PACKAGES if (found := _version(name) or _version(f"{name}-cpu"))},
    }


def _commit(file: Path) -> str | None:
    """Of the checkout in which `file` is tracked, with `-dirty` if tracked files were changed; of a wheel, what it says."""
    built = file.with_name(BUILT_FROM)
    if built.is_file():
        return built.read_text().strip()
    git = ["git", "-C", str(file.parent)]
    try:
        # A repository around it need not be this project's: an environment in a checkout of somebody else's is ignored there.
        subprocess.run([*git, "ls-files", "--error-unmatch", file.name], check=True, capture_output=True, timeout=10)
        described = [*git, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        return subprocess.run(described, check=True, capture_output=True, text=True, timeout=30).stdout.strip() or None
    except (OSError, subprocess.SubprocessError):
        return None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
