"""The samples of an evaluation: one line of JSON each, in RUN/<benchmark>.jsonl.

A file is only ever appended to, in any order, so that a killed evaluation loses at most the line it was writing.
"""

from __future__ import annotations

import itertools
import json
import math
import operator
import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TextIO

from recipe.files.bounded import lines_bounded


@dataclass(frozen=True)
class Sample:
    """One response to one problem, and its verdict.

    problem: id of the problem in its benchmark. sample: 0 to n - 1. score: what the reward function returned. acc: 1.0 right,
    0.0 wrong. pred: the extracted answer, None if there was none. tokens: length of the response. cut_off: the response hit the
    length limit. extra: the reward function's further keys, kept as they are.

    Raises ValueError for a value of the wrong type or out of its range.
    """

    problem: str
    sample: int
    score: float
    acc: float
    pred: str | None
    ground_truth: str
    output: str
    tokens: int
    cut_off: bool
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        # One look-up instead of nine isinstance, to which a bool is an int: this runs a million times for a report.
        if tuple(map(type, _values(self))) not in _COMBINATIONS:
            key, _, expected = next(row for row in _TYPES if type(getattr(self, row[0])) not in row[1])
            raise ValueError(f"{key!r} is {_shown(getattr(self, key))}; it must be {expected}")
        if self.sample < 0 or self.tokens < 0:
            key = "sample" if self.sample < 0 else "tokens"
            raise ValueError(f"{key!r} is {getattr(self, key)}; it must not be negative")
        if self.acc not in (0, 1):
            raise ValueError(f"'acc' is {self.acc}; it must be 1.0 (right) or 0.0 (wrong)")
        if not math.isfinite(self.score):
            raise ValueError(f"'score' is {self.score}; the reward function must return a finite number")
        if self.extra and not _KEYS.isdisjoint(self.extra):
            raise ValueError(f"'extra' holds {sorted(_KEYS & set(self.extra))}, which the format has keys for")


_TYPES = (
    ("problem", {str}, "a string"),
    ("sample", {int}, "an integer"),
    ("score", {float, int}, "a number"),
    ("acc", {float, int}, "a number"),
    ("pred", {str, type(None)}, "a string or null"),
    ("ground_truth", {str}, "a string"),
    ("output", {str}, "a string"),
    ("tokens", {int}, "an integer"),
    ("cut_off", {bool}, "true or false"),
)
_NAMES = tuple(key for key, _, _ in _TYPES)
_KEYS = frozenset(_NAMES)
_COMBINATIONS = frozenset(itertools.product(*(types for _, types, _ in _TYPES)))
_values, _items = operator.attrgetter(*_NAMES), operator.itemgetter(*_NAMES)
assert [*_NAMES, "extra"] == [f.name for f in fields(Sample)]


def _shown(value: Any) -> str:
    text = json.dumps(value, default=repr)
    return text if len(text) <= 60 else text[:57] + "..."


def append_sample(file: TextIO, sample: Sample) -> None:
    """Append one line and flush it, so that a killed evaluation has all samples before this one.

    ValueError for `extra` that JSON has no form for (an array, NaN); nothing is written then.
    """
    record = dict(zip(_NAMES, _values(sample), strict=True)) | dict(sample.extra)
    try:
        # ASCII: half a surrogate pair, which models do write, has no UTF-8.
        line = json.dumps(record, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"problem {sample.problem!r}, sample {sample.sample} cannot be written as JSON: {error}") from None
    file.write(line + "\n")
    file.flush()


def open_samples(path: str | Path) -> TextIO:
    """Open a samples file to append to. A line that a killed evaluation left cut is removed first."""
    with open(path, "ab+") as file:
        end = file.seek(0, os.SEEK_END)
        keep = end
        while keep > 0:
            start = max(0, keep - 65536)
            file.seek(start)
            newline = file.read(keep - start).rfind(b"\n")
            if newline >= 0:
                keep = start + newline + 1
                break
            keep = start
        if keep < end:
            file.truncate(keep)
    return open(path, "a", encoding="utf-8")


def read_samples(path: str | Path) -> Iterator[Sample]:
    """Yield the samples of a file in its order.

    A last line that is cut (no line end, no valid JSON) is passed over with a warning, as is a line that is there twice.
    ValueError, naming file and line: a line that is no JSON object, a missing key, a value of the wrong type, two lines that
    have the same problem and sample and differ.
    """
    seen: dict[tuple[str, int], int] = {}
    repeated = 0
    for number, line in enumerate(lines_bounded(Path(path)), start=1):
        try:
            record = json.loads(line.decode())
        except (ValueError, RecursionError):
            if not line.endswith(b"\n"):
                warnings.warn(f"{path}: the last line (line {number}) is cut and was passed over", stacklevel=2)
                break
            raise ValueError(f"{path}, line {number} is not valid JSON; remove the line, or restore the file") from None
        try:
            sample = _sample(record)
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from None
        content, key = hash(line.rstrip()), (sample.problem, sample.sample)
        if seen.setdefault(key, content) != content:
            raise ValueError(
                f"{path}, line {number}: problem {sample.problem!r}, sample {sample.sample} was there before with other "
                "content; two evaluations must not write to one folder"
            )
        if len(seen) + repeated < number:
            repeated += 1
            continue
        yield sample
    if repeated:
        warnings.warn(f"{path}: {repeated} line(s) are there twice; each was counted once", stacklevel=2)


def _sample(record: Any) -> Sample:
    if type(record) is not dict:
        raise ValueError("not a JSON object")
    try:
        values = _items(record)
    except KeyError:
        missing = [repr(key) for key in _NAMES if key not in record]
        names = ", ".join(missing)
        raise ValueError(f"the keys {names} are missing" if missing[1:] else f"the key {names} is missing") from None
    if len(record) == len(_NAMES):
        return Sample(*values)
    return Sample(*values, {key: value for key, value in record.items() if key not in _KEYS})
