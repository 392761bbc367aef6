"""The exit statuses of a run. Few, since launch/slurm/train.sbatch acts on them; docs/cluster.md lists them for users."""

from __future__ import annotations

DONE = 0
FAILED = 1  # a fault of the code or of the machine that will come again, so that nobody starts the run again by himself
USER_ERROR = 2  # config, data, model or environment are wrong; nothing was started, and nothing will be before that is mended
RUN_AGAIN = 85  # stopped on purpose, with a checkpoint: the same command goes on
TRANSIENT = 86  # a process, a node or a connection was lost, or a process hung: the same command may well succeed
