"""What Ray would upload as a job's working directory: found with Ray's own code, before anything is sent."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from launch.submission.secret_files import never_sent, suspicion
from recipe.text.visible import one_line
from verl_patches.ray_packaging import excluded_by, visit_uploads

MIB = 1024**2


@dataclass(frozen=True)
class Package:
    """The files of a folder that go to the cluster, by their size, and why some of them may hold a secret."""

    root: Path
    files: dict[Path, int]
    suspicious: dict[Path, str]

    @property
    def size(self) -> int:
        return sum(self.files.values())

    def __str__(self) -> str:
        return one_line(f"{self.root}: {len(self.files)} files, {self.size / MIB:.1f} MiB")

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


def measure(root: Path, excludes: Sequence[str], defaults: bool = True) -> Package:
    """The files under `root` that Ray would upload: without the given and .gitignore's and .rayignore's exclusions.

    defaults: without Ray's own exclusions, too, as in a working directory.

    Raises:
        ValueError: there is no such folder, it cannot be read, or a link in it leads out of it or to what is never sent: Ray
            sends what is behind a link.
    """
    root = root.absolute()
    if not root.is_dir():
        raise ValueError(f"--working-dir {root} is not a folder: name a checkout of this project")
    real_root = root.resolve()
    is_secret = excluded_by(real_root, never_sent())
    files, suspicious = {}, {}

    def note(path: Path) -> None:
        if path.is_symlink() and path.is_dir() and path.parent.resolve().is_relative_to(path.resolve()):
            raise ValueError(f"{one_line(path)} is a link to a folder that it is in, so that its files have no end; {_MEND}")
        if not path.is_file():
            return
        name, real = path.relative_to(root), path.resolve()
        if not real.is_relative_to(real_root):
            raise ValueError(f"{one_line(path)} is {one_line(real)}, behind a link that leads out of {root}; {_MEND}")
        if real != real_root / name and is_secret(real):
            raise ValueError(f"{one_line(path)} leads by a link to {one_line(real)}, which is never sent; {_MEND}")
        files[name] = path.stat().st_size
        if why := suspicion(path):
            suspicious[name] = why

    try:
        visit_uploads(root, list(excludes), note, defaults)
    except OSError as error:
        raise ValueError(f"the working directory cannot be read: {one_line(error)}") from None
    return Package(root, files, suspicious)


_MEND = "remove the link, or add it to the runtime environment's `excludes`"
