"""Which files of a working directory Ray uploads with a job.

Missing in Ray 2.60.0's public interface: the list, or the size, before anything is sent.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from verl_patches.contract import check


def visit_uploads(root: Path, excludes: list[str], visit: Callable[[Path], None], defaults: bool = True) -> None:
    """Visit each path that Ray would upload: without the given, .gitignore's and .rayignore's exclusions.

    defaults: without Ray's own, too, as in a working directory; Ray takes modules (`py_modules`) with them.
    """
    check("submission")
    from ray._private.ray_constants import RAY_RUNTIME_ENV_IGNORE_GITIGNORE, get_runtime_env_default_excludes
    from ray._private.runtime_env.packaging import _dir_travel

    ignored = [excluded_by(root, (get_runtime_env_default_excludes() if defaults else []) + excludes)]
    _dir_travel(root, ignored, visit, include_gitignore=os.environ.get(RAY_RUNTIME_ENV_IGNORE_GITIGNORE, "0") != "1")


def excluded_by(root: Path, patterns: list[str]) -> Callable[[Path], bool]:
    """Whether such patterns, in the syntax of .gitignore, keep a path under `root` from being uploaded."""
    check("submission")
    from ray._private.runtime_env.packaging import _get_excludes

    return _get_excludes(root, patterns)
