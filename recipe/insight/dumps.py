"""Token dumps of a run: which responses the page takes, and how they are packed into it.

A dump is `tokens/step_<N>.parquet`, one row per response; its columns and their units stand where training writes it.
"""

from __future__ import annotations

import base64
import gzip
import json
import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recipe.text.visible import visible
from recipe.token_level.display import Display

FORMAT = 1
STEPS, RESPONSES, TOKENS = 40, 200, 400_000  # of a run, at most; 400,000 tokens are some 4 to 6 MB of the page
_COLUMNS = {
    **dict.fromkeys(("step", "session"), pa.int32()),
    **dict.fromkeys(("prompt_id", "data_source", "prompt", "ground_truth"), pa.string()),
    **dict.fromkeys(("acc", "reward", "solve_rate"), pa.float32()),
    "token": pa.list_(pa.string()),
    "token_id": pa.list_(pa.int32()),
    **dict.fromkeys(("entropy", "advantage", "ratio", "old_log_prob"), pa.list_(pa.float32())),
}
# Column, its letter in the page, and the decimals kept.
_NUMBERS = (("entropy", "e", 3), ("advantage", "a", 3), ("ratio", "r", 4), ("old_log_prob", "l", 3))


@dataclass(frozen=True)
class Dumps:
    """Responses of a run for the page.

    method: its name. clip: the clip range's lower and upper ratio. responses: what the page lists, one object each.
    packed: their tokens, base64 of gzipped JSON. note: which responses were left out, empty if none was.
    """

    method: str
    clip: tuple[float, float]
    responses: list[dict[str, Any]]
    packed: list[str]
    note: str


def step_files(folder: Path, kind: str, last_step: int | None) -> list[Path]:
    """The files of a run's steps, in their order, of one kind: "step" (token dumps) or "verdicts".

    last_step: later ones were thrown away, with an attempt that a resumed one has not caught up with. None: there are none.
    """
    files = sorted(folder.glob(f"tokens/{kind}_*.parquet"), key=lambda path: (len(path.stem), path.stem))
    numbers = [file.stem.removeprefix(f"{kind}_") for file in files]
    return [
        file
        for file, number in zip(files, numbers, strict=True)
        if last_step is None or not number.isdecimal() or int(number) <= last_step
    ]


def read_dumps(folder: Path, display: Display | None, tokens: int = TOKENS, last_step: int | None = None) -> Dumps | None:
    """None for a run without token dumps. Without a display, what a method's own columns say is left out.

    last_step: see `step_files`.

    Takes at most `STEPS` steps, evenly spread with the first and the last, and from these in turn one response after another,
    until it has `RESPONSES` of them or `tokens` tokens; a response that does not fit any more is passed over.

    Raises:
        ValueError: a file cannot be read, has another format or lacks a column; the message says which and what to do.
    """
    files = step_files(folder, "step", last_step)
    if not files:
        return None
    described, lengths = zip(*(_lengths(path, display) for path in files), strict=True)
    head = described[-1]
    if any(other["method"] != head["method"] for other in described):
        raise ValueError(f"{folder / 'tokens'} has dumps of two methods; keep those of one run in a folder")
    if display and head["method"] != display.method:
        raise ValueError(
            f"{folder / 'tokens'} has dumps of the method {head['method']!r}, and display.json is of {display.method!r}; "
            "keep those of one run in a folder"
        )
    chosen = _choose(lengths, tokens)
    responses, packed = [], []
    for place in sorted({place for place, _ in chosen}):
        rows = sorted(row for where, row in chosen if where == place)
        for record in _read(files[place], _schema(display)).take(rows).to_pylist():
            listed, tokens_of_it = _pack(record, display, files[place])
            responses.append(listed)
            packed.append(tokens_of_it)
    total = sum(map(len, lengths))
    note = ""
    if len(chosen) < total:
        steps = len({place for place, _ in chosen})
        note = (
            f"{len(chosen):,} of {total:,} dumped responses, from {steps:,} of {len(files):,} steps, are in this page. A run "
            f"has at most {STEPS} steps, {RESPONSES} responses and {tokens:,} tokens here."
        )
    clip = (1 - head["clip_ratio_low"], 1 + head["clip_ratio_high"])
    return Dumps(head["method"], clip, responses, packed, note)


def _lengths(path: Path, display: Display | None) -> tuple[dict, list[int]]:
    """A dump's description, checked, and the number of tokens of each of its responses."""
    try:
        schema = pq.read_schema(path)
        described = json.loads((schema.metadata or {}).get(b"token_dump", b"null"))
    except (pa.ArrowException, ValueError, RecursionError):  # also what is no JSON
        raise _broken(path) from None
    if not isinstance(described, dict):
        raise ValueError(f"{path} is no token dump: its metadata have no token_dump; move it elsewhere")
    if described.get("format") != FORMAT:
        raise ValueError(
            f"{path} is a token dump of format {described.get('format')!r}; this version reads format {FORMAT}: use the "
            "version that wrote it"
        )
    for key, kinds in {"method": str, "clip_ratio_low": (int, float), "clip_ratio_high": (int, float)}.items():
        if not isinstance(described.get(key), kinds):
            raise ValueError(f"{path}: its token_dump metadata lack {key!r}, or it is of a wrong type; dump it again")
    lacking = [name for name in _schema(display).names if name not in schema.names]
    if lacking:
        raise ValueError(f"{path} lacks the column {lacking[0]!r} of a token dump; dump it again")
    ids = _read(path, pa.schema([("token_id", _COLUMNS["token_id"])])).column("token_id")
    return described, pc.list_value_length(ids).fill_null(0).to_pylist()


def _schema(display: Display | None) -> pa.Schema:
    own = {column.name: pa.float32() for column in display.columns} if display else {}
    if display and display.grouping:
        own[display.grouping.column] = pa.float32() if display.grouping.borders else pa.int32()
    return pa.schema([*(_COLUMNS | {name: pa.list_(kind) for name, kind in own.items()}).items()])


def _read(path: Path, schema: pa.Schema) -> pa.Table:
    """The columns of `schema`, of its types."""
    try:
        table = pq.read_table(path, columns=schema.names).select(schema.names)
    except (pa.ArrowException, OSError):
        raise _broken(path) from None
    try:
        return table.cast(schema)
    except (pa.ArrowException, ValueError):
        found = next(name for name in schema.names if table.schema.field(name).type != schema.field(name).type)
        raise ValueError(f"{path}: the column {found!r} is not of the type that token dumps have; dump it again") from None


def _broken(path: Path) -> ValueError:
    return ValueError(f"{path} cannot be read as parquet; it may be cut short: remove it, or copy it again")


def _choose(lengths: Sequence[list[int]], tokens: int) -> list[tuple[int, int]]:
    """(file, row) of the responses to take; `lengths` are those of each file's responses."""
    places = np.unique(np.linspace(0, len(lengths) - 1, min(STEPS, len(lengths))).round().astype(int)).tolist()
    chosen: list[tuple[int, int]] = []
    for row in range(max(len(lengths[place]) for place in places)):
        for place in places:
            if row < len(lengths[place]) and len(chosen) < RESPONSES and lengths[place][row] <= tokens:
                chosen.append((place, row))
                tokens -= lengths[place][row]
    return chosen


def _pack(record: dict[str, Any], display: Display | None, path: Path) -> tuple[dict[str, Any], str]:
    """What the page lists of a response, and its tokens as base64 of gzipped JSON."""
    lists = {key: [_number(x, digits) for x in record[name] or ()] for name, key, digits in _NUMBERS}
    lists["t"] = [visible(piece or "") for piece in record["token"] or ()]
    lists["i"] = list(record["token_id"] or ())
    own = [[_number(x, 3) for x in record[column.name] or ()] for column in display.columns] if display else []
    groups = _groups(record, display)
    if len({len(values) for values in (*lists.values(), *own, groups)}) > 1:
        raise ValueError(f"{path}: a response to prompt {record['prompt_id']!r} has lists of several lengths; dump it again")
    entropies = [x for x in lists["e"] if x is not None]
    listed = {
        "step": record["step"],
        "prompt": visible(" ".join((record["prompt"] or "").split())[-160:]),  # the task stands at the end
        "prompt_id": visible(str(record["prompt_id"])[:64]),
        "session": record["session"],
        "acc": _number(record["acc"], 3),
        "reward": _number(record["reward"], 3),
        "solve": _number(record["solve_rate"], 3),
        "tokens": len(lists["t"]),
        "entropy": _number(sum(entropies) / len(entropies), 3) if entropies else None,
        "groups": sorted({abs(x) for x in groups} - {0}),
    }
    texts = {key: visible(record[key] or "") for key in ("prompt", "ground_truth", "data_source")}
    payload = json.dumps(texts | lists | {"g": groups, "own": own}, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "replace"
    )
    return listed, base64.b64encode(gzip.compress(payload, mtime=0)).decode()


def _groups(record: dict[str, Any], display: Display | None) -> list[int]:
    """The number of each token's group from 1, negative for one that is marked; 0 for none."""
    grouping = display.grouping if display else None
    if grouping is None:
        return [0] * len(record["token"] or ())
    values = [math.nan if x is None else x for x in record[grouping.column] or ()]
    if grouping.borders:
        return [0 if math.isnan(x) else 1 + bisect_left(grouping.borders, x) for x in values]
    return [int(x) if abs(x) <= len(display.groups) else 0 for x in values]


def _number(value: float | None, decimals: int) -> float | None:
    """Rounded; None for what is no finite number."""
    return None if value is None or not math.isfinite(value) else round(value, decimals)
