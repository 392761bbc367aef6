"""No secret on a command line or in a config: logs, run folders, dashboards and trackers show them and keep them.

One check for every way in: `launch/submit.sh` looks at the overrides before anything is sent, a method's commands before Hydra
writes them down, and again at the whole config when it is composed. It needs Python's own library only.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from recipe.text.secret import find_in_config, find_secret, masked
from recipe.text.visible import one_line

SHOWN = "which the log, the run's folder, the dashboard and the trackers would show"
REMEDY = (
    "set it in the environment of `ray start` on every node, on Slurm in that of the job, or in a file that its library reads "
    "(~/.netrc for W&B, ~/.cache/huggingface/token); see docs/security.md"
)


def check_overrides(overrides: Iterable[str]) -> None:
    """Raise ValueError for an argument that carries a secret, also one of this environment; it is not repeated."""
    for override in overrides:
        if found := find_secret(override, os.environ):
            key = one_line(masked(override.partition("=")[0], os.environ))
            raise ValueError(f"the override of {key} carries a secret ({found}), {SHOWN}: {REMEDY}")


def check_config(leaves: Iterable[tuple[str, Any]]) -> None:
    """Raise ValueError for a config with a secret; leaves: its dotted keys and values, references resolved."""
    if found := find_in_config(leaves, os.environ):
        key, what = found
        raise ValueError(f"{masked(key)} carries a secret ({what}), {SHOWN}: {REMEDY}")
