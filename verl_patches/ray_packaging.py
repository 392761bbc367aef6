"""Which files of a working directory Ray uploads with a job.

Missing in Ray 2.60.0's public interface: the list, or the size, before anything is sent.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from verl_patches.contract import check


def visit_uploads(root: Path, excludes: list[str], visit: Callable[[Path], None]) -> None:
    """Visit each path that Ray would upload: without its own, the given, .gitignore's and .rayignore's exclusions."""
    check("submission")
    from ray._private.ray_constants import RAY_RUNTIME_ENV_IGNORE_GITIGNORE, get_runtime_env_default_excludes
    from ray._private.runtime_env.packaging import _dir_travel, _get_excludes

    ignored = [_get_excludes(root, get_runtime_env_default_excludes() + excludes)]
    _dir_travel(root, ignored, visit, include_gitignore=os.environ.get(RAY_RUNTIME_ENV_IGNORE_GITIGNORE, "0") != "1")
