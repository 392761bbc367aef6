"""The parts of launch/submit.py: sending a training run to a running Ray cluster and following it.

plan.py            what is sent, checked: working_dir.py, what Ray would upload, without secret_files.py; secret_check.py, no
                   secret in the runtime environment; given_file.py, a file that the user names
reaching.py        the cluster's job server, the way to it and its token
client.py          Ray's job client
watch.py           a job until its end or Ctrl-C; follow.py, its log over broken connections
"""

import sys


def say(*lines: str) -> None:
    """Tell the user; stdout belongs to the job's log."""
    print(*lines, sep="\n", file=sys.stderr, flush=True)


class ClusterError(Exception):
    """The cluster refuses, with this HTTP status, or does not answer."""

    def __init__(self, message: str, status: int | None = None):
        super().__init__(message)
        self.status = status

    @property
    def transient(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status is None or self.status >= 500
