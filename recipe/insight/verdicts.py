"""The reward's verdicts in a run: from the samples that training wrote to what a person should look at.

A sample is `tokens/verdicts_<N>.parquet`, one row a response; its columns stand where training writes it.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from recipe.insight.dumps import step_files
from recipe.text.visible import visible

FORMAT = 1
PAIRS = 300  # of a run, at most
TEXT = 600  # characters of a prompt's and a response's end
_SCHEMA = pa.schema(
    [
        ("step", pa.int32()),
        ("acc", pa.float32()),
        *(
            (name, pa.string())
            for name in ("data_source", "ground_truth", "pred", "disagreement", "details", "prompt", "response_end")
        ),
    ]
)


@dataclass(frozen=True)
class Verdicts:
    """Verdicts of a run.

    steps, responses: how many of them the samples were drawn from. totals: of these responses, how many of each kind disagree
    with a comparison of texts. pairs: right answer and answer of the sample, each pair once, those that disagree first. note:
    what was left out, empty if nothing was.
    """

    steps: int
    responses: int
    totals: dict[str, int]
    pairs: list[dict[str, Any]]
    note: str


def read_verdicts(folder: Path, last_step: int | None = None) -> Verdicts | None:
    """None for a run without samples. ValueError, one sentence, for a file that cannot be read or is something else.

    last_step: see `step_files`.
    """
    files = step_files(folder, "verdicts", last_step)
    if not files:
        return None
    totals: dict[str, int] = {}
    pairs: dict[tuple, dict[str, Any]] = {}
    responses = 0
    for path in files:
        about, rows = _read(path)
        responses += about["responses"]
        for kind, count in about["disagreements"].items():
            totals[kind] = totals.get(kind, 0) + count
        for row in rows:
            key = (row["disagreement"], row["data_source"], row["ground_truth"], row["pred"], row["acc"])
            pair = pairs.setdefault(key, _pair(row))
            pair["times"] += 1
            pair["last"] = row["step"]
    kinds = [*totals, ""]
    ordered = sorted(
        pairs.values(), key=lambda pair: (kinds.index(pair["kind"]) if pair["kind"] in kinds else 99, -pair["times"])
    )
    note = f"{PAIRS:,} of {len(ordered):,} pairs of answers are in this page." if len(ordered) > PAIRS else ""
    shown = {visible(kind): count for kind, count in totals.items()}
    return Verdicts(len(files), responses, shown, [_shown(pair) for pair in ordered[:PAIRS]], note)


def _pair(row: dict[str, Any]) -> dict[str, Any]:
    acc = None if row["acc"] is None or math.isnan(row["acc"]) else row["acc"]
    texts = {name: row[name] or "" for name in ("data_source", "ground_truth", "pred", "details")}
    ends = {name: (row[name] or "")[-TEXT:] for name in ("prompt", "response_end")}
    return texts | ends | {"kind": row["disagreement"] or "", "acc": acc, "times": 0, "first": row["step"], "last": row["step"]}


def _shown(pair: dict[str, Any]) -> dict[str, Any]:
    return {name: visible(value) if isinstance(value, str) else value for name, value in pair.items()}


def _read(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What a sample says of its step, checked, and its rows."""
    try:
        schema = pq.read_schema(path)
        about = json.loads((schema.metadata or {}).get(b"verdicts", b"null"))
    except (pa.ArrowException, ValueError, RecursionError, OSError):
        raise ValueError(f"{path} cannot be read as parquet; it may be cut short: remove it, or copy it again") from None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise ValueError(
            f"{path} is no sample of verdicts of format {FORMAT}; move it elsewhere, or use the version that wrote it"
        )
    counts = about.get("disagreements")
    if not isinstance(about.get("responses"), int) or not isinstance(counts, dict) or not all(map(_whole, counts.values())):
        raise ValueError(f"{path}: its metadata do not say how many responses and disagreements there were; write it again")
    lacking = [name for name in _SCHEMA.names if name not in schema.names]
    if lacking:
        raise ValueError(f"{path} lacks the column {lacking[0]!r} of a sample of verdicts; write it again")
    try:
        return about, pq.read_table(path, columns=_SCHEMA.names).select(_SCHEMA.names).cast(_SCHEMA).to_pylist()
    except (pa.ArrowException, ValueError, OSError):
        raise ValueError(
            f"{path}: a column is damaged or of another type than in a sample of verdicts; write it again"
        ) from None


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
