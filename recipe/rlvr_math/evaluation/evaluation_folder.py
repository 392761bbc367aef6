"""The folder of an evaluation: its settings, its samples, what is there already, and who may write."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TextIO

from filelock import FileLock, Timeout

from recipe.files.whole import written_whole
from recipe.rlvr_math.evaluation.samples import Sample, append_sample, open_samples, read_samples
from recipe.runs.alone import NAME
from recipe.runs.stopping import REQUEST

_MAY_DIFFER = ("hardware", "date")  # a continued evaluation may run elsewhere; what a benchmark's file holds has a digest


def check_settings(out: str, settings: dict[str, Any]) -> None:
    """Raise ValueError, naming what differs, if the folder `out` holds an evaluation with other settings."""
    path = _path(out)
    try:
        kept = json.loads((path / "settings.json").read_text())
    except FileNotFoundError:
        if any(file.stat().st_size for file in path.glob("*.jsonl")):  # empty: killed while the servers were starting
            raise ValueError(f"{path} holds samples, but no settings.json that says of what; give another out=") from None
        return
    except (ValueError, RecursionError):
        raise ValueError(f"{path}/settings.json is not readable; restore it, or give another out=") from None
    different = list(differences(kept, settings))
    if different:
        raise ValueError(f"{path} holds another evaluation ({'; '.join(different)}); give another out=, or the same settings")


class RunFolder:
    """An evaluation that may have been begun. Get one from `open_run`."""

    def __init__(self, path: Path):
        self.path = path
        self._files: dict[str, TextIO] = {}

    def write_settings(self, settings: dict[str, Any]) -> None:
        """Write settings.json; if it is there, check it again, now that nobody else can have the folder."""
        target = self.path / "settings.json"
        if target.exists():
            check_settings(str(self.path), settings)
            return
        with written_whole(target) as new:
            new.write_text(json.dumps(settings, indent=1) + "\n")

    def open_benchmark(self, name: str) -> Iterator[Sample]:
        """Open the file of a benchmark for `append`, and yield the samples that are there. A cut last line is cut away."""
        self._files[name] = open_samples(self.path / f"{name}.jsonl")
        yield from read_samples(self.path / f"{name}.jsonl")

    def append(self, name: str, sample: Sample) -> None:
        """Add one sample to an open benchmark; it is in the file when this returns."""
        append_sample(self._files[name], sample)

    def close(self) -> None:
        """Close all files."""
        for file in self._files.values():
            file.close()


@contextmanager
def open_run(out: str) -> Iterator[RunFolder]:
    """The folder `out`, made if it is missing, which no other process can open as long as this one has it.

    Raises:
        ValueError: it cannot be made, or another process has it.
    """
    path = _path(out)
    try:
        path.mkdir(parents=True, exist_ok=True)
        (path / NAME).touch()
        (path / REQUEST).unlink(missing_ok=True)  # left for an evaluation that ended meanwhile
    except OSError as error:
        raise ValueError(f"out is {path}, where nothing can be written ({error})") from None
    with ExitStack() as stack:
        try:
            stack.enter_context(FileLock(path / NAME, blocking=False))
        except Timeout:
            raise ValueError(f"another evaluation is writing to {path}; wait for it, or give another out=") from None
        run = RunFolder(path)
        stack.callback(run.close)
        yield run


def _path(out: str) -> Path:
    return Path(out).expanduser().resolve()


def differences(kept: Any, now: Any, name: str = "") -> Iterator[str]:
    """A phrase for each setting that differs between two settings.json, but for those that may."""
    if isinstance(kept, dict) and isinstance(now, dict):
        for key in [*kept, *(key for key in now if key not in kept)]:
            path = f"{name}.{key}" if name else key
            if path not in _MAY_DIFFER and not (name.startswith("benchmarks.") and key == "file"):
                yield from differences(kept.get(key), now.get(key), path)
    elif kept != now:
        yield f"{name} is {_shown(kept)} there and {_shown(now)} now"


def _shown(value: Any) -> str:
    return "not set" if value is None else json.dumps(value)
