"""What of an experiment was done, and with which inputs: two files for each stage, in folder/stages.

STAGE.json   its inputs, written before it begins: arguments, digests of the files that these name, and of the stages before it
STAGE.done   empty, made when it has ended well: by this program, or by the job script where that alone is there at the end
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from recipe.experiment.stages import REPORT, Stage
from recipe.files.bounded import read_bounded
from recipe.files.whole import written_whole

# Where a stage runs, and how many processes it has there, changes no number that is reported.
_NO_INPUT = ("trainer.nnodes", "trainer.n_gpus_per_node")


@dataclass(frozen=True)
class Kept:
    """The record of a stage: its inputs, and the job that has it, if a cluster does."""

    inputs: dict[str, Any]
    job: str | None = None


class Records:
    """Those of all stages of a folder."""

    def __init__(self, folder: Path, stages: list[Stage]):
        self._folder = folder / "stages"
        self._stages = {stage.name: stage for stage in stages}

    def done_file(self, name: str) -> Path:
        """Whoever has seen a stage end well makes it."""
        return self._folder / f"{name}.done"

    def is_done(self, stage: Stage) -> bool:
        """Whether it is, and what it made is still there."""
        # An NFS client remembers for a while that there was no such file; a folder that is opened, it asks for anew.
        there = os.listdir(self._folder) if self._folder.is_dir() else []
        if not (f"{stage.name}.done" in there and f"{stage.name}.json" in there and stage.product.exists()):
            return False
        # One of fewer seeds is no reason to stop; it takes seconds to make.
        return stage.kind != REPORT or not _changes(self.read(stage).inputs, self.inputs(stage))

    def begin(self, stage: Stage, job: str | None = None) -> None:
        """Write what it is made of; it is not done from now on."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self.done_file(stage.name).unlink(missing_ok=True)
        with written_whole(self._file(stage.name)) as new:
            new.write_text(json.dumps({"inputs": self.inputs(stage), "job": job}, indent=1) + "\n")

    def end(self, stage: Stage) -> None:
        """It has ended well."""
        self.done_file(stage.name).touch()

    def read(self, stage: Stage) -> Kept | None:
        """What is kept of it. ValueError if that cannot be read."""
        file = self._file(stage.name)
        try:
            content = json.loads(read_bounded(file))
            return Kept(dict(content["inputs"]), content["job"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, RecursionError):
            raise ValueError(f"{file} is no record of a stage; remove it, and the stage is made again") from None

    def inputs(self, stage: Stage) -> dict[str, Any]:
        """Everything that decides what comes out of it, as far as it is there by now."""
        arguments = [each for each in stage.arguments if each.lstrip("+").partition("=")[0] not in _NO_INPUT]
        return {
            "module": stage.module,
            "arguments": arguments,
            "files": {file: _sha256(file, os.stat(file).st_mtime_ns) for file in _files(arguments) if Path(file).is_file()},
            "after": {name: self._digest(name) for name in stage.after},
        }

    def check_unchanged(self) -> None:
        """Raise ValueError, one sentence, if a stage that was begun would now be made of something else."""
        for stage in self._stages.values():
            kept = self.read(stage)
            if kept is None or stage.kind == REPORT:
                continue
            if changed := _changes(kept.inputs, self.inputs(stage)):
                raise ValueError(
                    f"{stage.name} was begun with other inputs ({'; '.join(changed)}): give another --folder, or, to make it "
                    f"again, remove {self._file(stage.name)} and {_place(stage)}"
                )

    def _digest(self, name: str) -> str:
        """Of what a stage was begun with, or would be."""
        kept = self.read(self._stages[name])
        text = json.dumps(kept.inputs if kept else self.inputs(self._stages[name]), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def _place(stage: Stage) -> Path:
    return stage.product if stage.kind in ("data", "export") else stage.product.parent


def _files(arguments: list[str]) -> list[str]:
    """Paths that arguments name: `key=PATH`, `key=[PATH,PATH]`, PATH."""
    values = [part for each in arguments for part in each.rpartition("=")[2].strip("[]'\"").split(",")]
    return sorted({value for value in values if "/" in value})


@cache
def _sha256(file: str, changed_ns: int) -> str:
    with open(file, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()[:12]


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """A phrase for each difference; a file that is gone is none."""
    changed = []
    before, now = (dict.fromkeys(inputs.get("arguments", [])) for inputs in (old, new))
    gone, come = [each for each in before if each not in now], [each for each in now if each not in before]
    if gone or come:
        changed.append(f"{' '.join(gone) or 'nothing'} before, {' '.join(come) or 'nothing'} now")
    if old.get("module") != new["module"]:
        changed.append(f"{old.get('module')} before, {new['module']} now")
    for file, digest in old.get("files", {}).items():
        if file in new["files"] and new["files"][file] != digest:
            changed.append(f"{file} has another content")
    if not changed:
        changed = [f"{name} has changed" for name, digest in new["after"].items() if old.get("after", {}).get(name) != digest]
    return changed
