"""The columns of a token dump, and its files in their folder."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet

from recipe.files.whole import written_whole
from recipe.runs.token_dump import verdict_sample

FORMAT = 1
TEXT = ("prompt_id", "data_source", "prompt", "ground_truth")
NUMBERS = ("acc", "reward", "solve_rate")
PER_TOKEN = ("entropy", "advantage", "ratio", "old_log_prob")


def text_pieces(tokenizer, ids: Sequence[int]) -> dict[int, str]:
    """The text of each token by itself, special tokens included; bytes that are no UTF-8 are U+FFFD.

    A token is decoded after another one, because some tokenizers drop the space at the start of a text.
    """
    anchor = list(tokenizer.encode("0", add_special_tokens=False))
    options = {"skip_special_tokens": False, "clean_up_tokenization_spaces": False}
    head = tokenizer.decode(anchor, **options)
    pieces = {}
    for i in sorted(set(ids)):
        text = tokenizer.decode([*anchor, i], **options)
        pieces[i] = clean(text[len(head) :] if text.startswith(head) else tokenizer.decode([i], **options))
    return pieces


def clean(text: str) -> str:
    """The text with lone surrogates, which no file of UTF-8 can hold, as U+FFFD."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def build_table(columns: Mapping[str, Sequence], own: Mapping[str, list[np.ndarray]], about: Mapping[str, Any]) -> pa.Table:
    """The table of some responses.

    Args:
        columns: every column but the method's, each of one length, in the units of the package's docstring.
        own: the method's columns: an array of each response's tokens; integers keep their type, others become float32.
        about: what the metadata says beside the format.

    Raises:
        ValueError: the lists of a response differ in length.
    """
    arrays = {
        "step": pa.array(columns["step"], pa.int32()),
        "session": pa.array(columns["session"], pa.int32()),
        **{name: pa.array([clean(x) for x in columns[name]], pa.string()) for name in TEXT},
        **{name: pa.array(np.asarray(columns[name], dtype=np.float32)) for name in NUMBERS},
        "token": pa.array(columns["token"], pa.list_(pa.string())),
        "token_id": pa.array(columns["token_id"], pa.list_(pa.int32())),
        **{
            name: pa.array([np.asarray(x, dtype=np.float32) for x in columns[name]], pa.list_(pa.float32()))
            for name in PER_TOKEN
        },
    }
    for name, lists in own.items():
        kind = lists[0].dtype if np.issubdtype(lists[0].dtype, np.integer) else np.dtype(np.float32)
        arrays[name] = pa.array([x.astype(kind) for x in lists], pa.list_(pa.from_numpy_dtype(kind)))
    for name in ("token_id", *PER_TOKEN, *own):
        if arrays[name].value_lengths() != arrays["token"].value_lengths():
            raise ValueError(f"the column {name!r} has not one entry a token")
    table = pa.table(arrays)
    return table.replace_schema_metadata({"token_dump": json.dumps({"format": FORMAT, **about})})


def verdict_table(columns: Mapping[str, Sequence], about: Mapping[str, Any]) -> pa.Table:
    """A sample of verdicts in the columns of `verdict_sample`; about: what the metadata say beside the format."""
    table = pa.table(
        {
            "step": pa.array(columns["step"], pa.int32()),
            "session": pa.array(columns["session"], pa.int32()),
            "acc": pa.array(np.asarray(columns["acc"], dtype=np.float32)),
            **{name: pa.array([clean(x) for x in columns[name]], pa.string()) for name in verdict_sample.COLUMNS},
        }
    )
    return table.replace_schema_metadata({"verdicts": json.dumps({"format": verdict_sample.FORMAT, **about})})


def write_table(table: pa.Table, folder: Path, step: int, files: int, kind: str = "step") -> Path:
    """Write `<kind>_<step>.parquet`, whole or not at all, and thin the kind out to `files` files. OSError if it cannot."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{kind}_{step}.parquet"
    with written_whole(path) as new:
        parquet.write_table(table, new, compression="zstd")
    found = (re.fullmatch(rf"{kind}_(\d+)\.parquet", name) for name in os.listdir(folder))
    for old in superfluous([int(match[1]) for match in found if match], files):
        (folder / f"{kind}_{old}.parquet").unlink()
    return path


def superfluous(steps: list[int], keep: int) -> list[int]:
    """Which of the steps to drop for `keep` to be left: never the first or the last, always where they are densest."""
    left, dropped = sorted(steps), []
    while len(left) > max(keep, 2):
        i = min(range(1, len(left) - 1), key=lambda i: left[i + 1] - left[i - 1])
        dropped.append(left.pop(i))
    return dropped
