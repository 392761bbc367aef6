"""A part of an evaluation's problems, and the parts put together.

`shard=2/4` answers every fourth problem of each benchmark, from the second on, in out/shard-2-of-4, so that jobs which know
nothing of each other, as the tasks of a Slurm array, share an evaluation. Whoever ends last writes all parts to `out`, which is
then the folder of the whole evaluation. A problem's seeds do not depend on the part that it is in.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from recipe.files.whole import written_whole
from recipe.rlvr_math.evaluation.benchmarks import Benchmark
from recipe.rlvr_math.evaluation.evaluation_folder import differences

COMPLETE = "complete"  # a file in the folder of a part
_MOST = 10_000


@dataclass(frozen=True)
class Shard:
    """The part `number`, from 1, of `of`."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def folder(self, out: str | Path) -> Path:
        """Where its samples are."""
        return Path(out).expanduser() / f"shard-{self.number}-of-{self.of}"

    def part(self, benchmark: Benchmark) -> Benchmark:
        """The benchmark with this part of its problems."""
        return replace(benchmark, problems=benchmark.problems[self.number - 1 :: self.of])


def read_shard(given: Any) -> Shard | None:
    """What `shard=` says. ValueError for anything but null and K/N."""
    if given is None:
        return None
    match = re.fullmatch(r"(\d{1,5})/(\d{1,5})", str(given))
    if match is None or not 1 <= int(match[1]) <= int(match[2]) <= _MOST:
        raise ValueError(f"shard is {given}; it must be K/N, the K-th of N parts, as shard=1/4")
    return Shard(int(match[1]), int(match[2]))


def finish(out: str | Path, shard: Shard, names: Sequence[str]) -> str:
    """Note that this part is complete, and put all together if it was the last. Returns a sentence about it.

    names: of the benchmarks.

    Raises:
        ValueError: the parts were made with different settings.
    """
    target = Path(out).expanduser()
    (shard.folder(out) / COMPLETE).touch()
    parts = [Shard(number, shard.of) for number in range(1, shard.of + 1)]
    if missing := [str(part) for part in parts if not (part.folder(out) / COMPLETE).exists()]:
        return f"part {shard} is complete; still to come: {', '.join(missing)}"
    with FileLock(target / "joining.lock"):  # the last two may end at the same time
        settings = _settings(out, parts)
        for name in names:
            with written_whole(target / f"{name}.jsonl") as new, new.open("wb") as all_samples:
                for part in parts:
                    with (part.folder(out) / f"{name}.jsonl").open("rb") as samples:
                        shutil.copyfileobj(samples, all_samples)
        with written_whole(target / "settings.json") as new:
            new.write_text(json.dumps(settings, indent=1) + "\n")
    return f"all {shard.of} parts are complete; the whole evaluation is in {target}"


def _settings(out: str | Path, parts: Sequence[Shard]) -> dict[str, Any]:
    """That of the whole evaluation: the parts' but for their number."""
    found = [json.loads((part.folder(out) / "settings.json").read_text()) for part in parts]
    for settings in found:
        settings.pop("shard")
    for part, settings in zip(parts, found, strict=True):
        if different := list(differences(found[0], settings)):
            raise ValueError(f"part {part} in {out} was made with other settings than part 1 ({'; '.join(different)})")
    return found[0]
