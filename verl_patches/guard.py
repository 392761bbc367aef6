"""Refuse to patch code that is not the code the patch was written for."""

from __future__ import annotations

import hashlib
import importlib.metadata
import inspect
from collections.abc import Callable


def source_digest(function: Callable) -> str:
    """First 12 hex digits of the SHA-256 of a function's source text."""
    return hashlib.sha256(inspect.getsource(function).encode()).hexdigest()[:12]


def require_version(distribution: str, version: str, what: str) -> None:
    """Check that `distribution` is installed in the version that `what` was written for. RuntimeError if not."""
    found = importlib.metadata.version(distribution)
    if found != version:
        raise RuntimeError(
            f"{what} was written for {distribution} {version} and {found} is installed; see requirements-cpu.txt"
        )


def require_source(function: Callable, digest: str, distribution: str, patch: str) -> None:
    """Check that `function` still has the source text that `patch` was written against.

    Raises:
        RuntimeError: the text differs; names the function, the installed version and the patch to look at.
    """
    found = source_digest(function)
    if found != digest:
        version = importlib.metadata.version(distribution)
        raise RuntimeError(
            f"{function.__module__}.{function.__qualname__} of {distribution} {version} is not the code that {patch} was "
            f"written for (source digest {found}, expected {digest}); install the pinned version, or read the new code and "
            "update or drop the patch"
        )
