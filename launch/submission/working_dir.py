"""What Ray would upload as a job's working directory: found with Ray's own code, before anything is sent."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from pathlib import Path

from verl_patches.ray_packaging import visit_uploads

MIB = 1024**2


@dataclass(frozen=True)
class Package:
    """The files of a working directory that go to the cluster, by their size."""

    root: Path
    files: dict[Path, int]

    @property
    def size(self) -> int:
        return sum(self.files.values())

    def __str__(self) -> str:
        return f"{self.root}: {len(self.files)} files, {self.size / MIB:.1f} MiB"

    def __contains__(self, path: str) -> bool:
        return Path(path) in self.files

    def check(self, main: str, limit_mib: float) -> None:
        """Refuse a folder without the module that the job runs, or one that is too large."""
        if main not in self:
            raise ValueError(
                f"{self.root} has no {main} to send: --working-dir is a checkout of this project, and --recipe a name in its "
                "folder recipe/ or a package with dots, which lies in it"
            )
        if self.size > limit_mib * MIB:
            largest = heapq.nlargest(5, self.files.items(), key=lambda item: item[1])
            names = ", ".join(f"{path} ({size / MIB:.1f} MiB)" for path, size in largest)
            raise ValueError(
                f"the working directory {self}, is over the limit of {limit_mib:g} MiB; its largest files are {names}: "
                "add them to .gitignore, .rayignore or the runtime environment's `excludes`, or raise --max-mib"
            )


def measure(root: Path, excludes: list[str]) -> Package:
    """The files under `root` that Ray would upload: without its own, the given and .gitignore's and .rayignore's exclusions."""
    root = root.absolute()
    if not root.is_dir():
        raise ValueError(f"--working-dir {root} is not a folder: name a checkout of this project")
    files = {}

    def note(path: Path) -> None:
        if path.is_file():
            files[path.relative_to(root)] = path.stat().st_size

    visit_uploads(root, excludes, note)
    return Package(root, files)
