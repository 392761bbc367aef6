"""What is in a data file, read whole: every row must be one that verl's data set and a reward function can take.

Works on columns, 65,536 rows at a time, so that a large file takes seconds and little memory.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as parquet

from recipe.runs.json_depth import refuse_deep

_BATCH = 65536
ENDINGS = (".parquet", ".json", ".jsonl")  # that verl's data set reads
_READ = ("data_source", "reward_model", "extra_info")  # and the prompts


@dataclass
class Contents:
    """A file's rows; numbers of rows count from 0.

    schema: types of all columns.
    sources: {data source: (number, row)} of the first row of each, with the columns that a reward function gets.
    prompts: {text: messages} of each distinct prompt; those with images or other parts are left out.
    """

    schema: pa.Schema
    rows: int = 0
    sources: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    prompts: dict[str, list[dict]] = field(default_factory=dict)


def read_contents(file: str, prompt_key: str) -> Contents:
    """Read a file to its end.

    Raises:
        ValueError: one sentence about the first thing that verl or a reward function cannot take, without the file's name.
    """
    status = os.stat(file)
    return _read(file, prompt_key, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=16)  # several checks ask
def _read(file: str, prompt_key: str, *_version: int) -> Contents:
    if not file.endswith(ENDINGS):
        raise ValueError(f"is no file that verl reads; its name must end in {', '.join(ENDINGS)}")
    try:
        schema, batches = _open(file, prompt_key)
        contents = Contents(schema)
        _require_columns(schema, prompt_key)
        for batch in batches:
            _take(contents, batch, prompt_key)
            contents.rows += batch.num_rows
    except (pa.ArrowException, OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"cannot be read to its end ({reason[:200]}); copy or make it again") from None
    if not contents.rows:
        raise ValueError("has no rows")
    return contents


def _open(file: str, prompt_key: str) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    wanted = (prompt_key, *_READ)
    if file.endswith(".parquet"):
        opened = parquet.ParquetFile(file)
        schema = opened.schema_arrow
        return schema, opened.iter_batches(_BATCH, columns=[name for name in wanted if name in schema.names])
    refuse_deep(file)
    table = _json(file)
    columns = [name for name in wanted if name in table.column_names]
    return table.schema, iter(table.select(columns).to_batches(_BATCH))


def _json(file: str) -> pa.Table:
    import pyarrow.json

    try:
        return pyarrow.json.read_json(file)
    except pa.ArrowInvalid:
        with open(file, encoding="utf-8") as opened:  # one list, not one object a line
            rows = json.load(opened)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ValueError("is no list of objects and has no object a line") from None
        return pa.Table.from_pylist(rows)


def _require_columns(schema: pa.Schema, prompt_key: str) -> None:
    for column in (prompt_key, "data_source", "reward_model"):
        if column not in schema.names:
            raise ValueError(f"has no column {column!r}; its columns are {', '.join(schema.names) or 'none'}")
    found = schema.field(prompt_key).type
    if not _is_list(found) or not pa.types.is_struct(found.value_type) or not {"role", "content"} <= _names(found.value_type):
        raise ValueError(
            f"has {_plain(found)} in its column {prompt_key!r} where verl reads chats; make each prompt a list of messages, "
            "[{'role': 'user', 'content': ...}]"
        )
    message = found.value_type
    role, content = (message.field(message.get_field_index(name)).type for name in ("role", "content"))
    if not _is_text(role) or not (_is_text(content) or _is_list(content)):
        raise ValueError(
            f"has messages in its column {prompt_key!r} whose role is {_plain(role)} and whose content is {_plain(content)}; "
            "make both text"
        )
    found = schema.field("reward_model").type
    if "ground_truth" not in _names(found):
        raise ValueError(
            f"has no 'ground_truth' in its column 'reward_model' ({_plain(found)}), which the reward function compares answers "
            "with; make each {'ground_truth': ...}"
        )
    if not _is_text(_decoded(schema.field("data_source").type)):
        found = schema.field("data_source").type
        raise ValueError(f"has {_plain(found)} in its column 'data_source', by whose text reward functions are chosen")
    if "extra_info" in schema.names:
        found = schema.field("extra_info").type
        if not (pa.types.is_struct(found) or pa.types.is_null(found)):
            raise ValueError(
                f"has {_plain(found)} in its column 'extra_info', where verl looks up keys; make each a mapping (struct), or "
                "drop the column"
            )


def _take(contents: Contents, batch: pa.RecordBatch, prompt_key: str) -> None:
    """Check a batch and note its data sources and prompts."""
    start = contents.rows
    prompts, rewards, sources = batch[prompt_key], batch["reward_model"], batch["data_source"]
    _refuse(start, pc.is_null(prompts), "no prompt (null)")
    _refuse(start, pc.equal(pc.list_value_length(prompts), 0), "an empty prompt, without any message")
    _refuse(start, pc.is_null(rewards), "no reward_model (null)")
    _refuse(start, pc.is_null(pc.struct_field(rewards, "ground_truth"), nan_is_null=True), "no ground_truth (null)")
    _refuse(start, pc.is_null(sources), "no data_source (null)")
    sources = sources.cast(_decoded(sources.type))
    values, first = np.unique(sources.to_numpy(zero_copy_only=False), return_index=True)
    for value, i in zip(values, first.tolist(), strict=True):
        if value not in contents.sources:
            contents.sources[value] = (start + i, batch.slice(i, 1).to_pylist()[0])
    _take_messages(contents, prompts)


def _take_messages(contents: Contents, prompts: pa.ListArray) -> None:
    start, messages, rows = contents.rows, pc.list_flatten(prompts), pc.list_parent_indices(prompts)
    roles, texts = pc.struct_field(messages, "role"), pc.struct_field(messages, "content")
    _refuse(start, pc.is_null(roles), "a message without a role", rows)
    _refuse(start, pc.is_null(texts), "a message without content (null)", rows)
    if not _is_text(texts.type):
        return  # a list of parts, some of them pictures
    filled = pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(texts)), 0)
    any_text = np.zeros(len(prompts), bool)
    any_text[rows.to_numpy()[filled.to_numpy(zero_copy_only=False)]] = True
    _refuse(start, pa.array(~any_text), "a prompt of empty messages")
    ends = np.concatenate([[0], np.cumsum(pc.list_value_length(prompts).to_numpy())])
    whole = pc.binary_join(pa.ListArray.from_arrays(pa.array(ends, pa.int32()), texts.cast(pa.string())), "\n")
    encoded = pc.dictionary_encode(whole)
    _, first = np.unique(encoded.indices.to_numpy(), return_index=True)
    row_of = dict(zip(encoded.dictionary.to_pylist(), first.tolist(), strict=True))
    new = [text for text in row_of if text not in contents.prompts]
    chats = prompts.take(pa.array([row_of[text] for text in new], pa.int64())).to_pylist()
    contents.prompts.update(zip(new, chats, strict=True))


def _refuse(start: int, bad: pa.BooleanArray, what: str, rows: pa.Array | None = None) -> None:
    found = np.flatnonzero(pc.fill_null(bad, False).to_numpy(zero_copy_only=False))
    if not found.size:
        return
    if rows is not None:
        found = np.unique(rows.to_numpy()[found])
    more = f", as have {found.size - 1} of the {_BATCH:,} rows after it" if found.size > 1 else ""
    raise ValueError(f"has {what} in row {start + int(found[0])}{more}; rows count from 0")


def _is_list(found: pa.DataType) -> bool:
    return pa.types.is_list(found) or pa.types.is_large_list(found)


def _is_text(found: pa.DataType) -> bool:
    return pa.types.is_string(found) or pa.types.is_large_string(found)


def _decoded(found: pa.DataType) -> pa.DataType:
    """Of a column of categories: the categories' type."""
    return found.value_type if pa.types.is_dictionary(found) else found


def _names(found: pa.DataType) -> set[str]:
    return {found.field(i).name for i in range(found.num_fields)} if pa.types.is_struct(found) else set()


def _plain(found: pa.DataType) -> str:
    """A type in a user's terms."""
    return "text" if _is_text(_decoded(found)) else "nothing but nulls" if pa.types.is_null(found) else str(found)
