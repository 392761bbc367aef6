"""Reading a data set with the `datasets` library: from the hub, or from a parquet, JSON or CSV file."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recipe.rlvr_math.data.data_sets import LAYOUTS, DataSet
from recipe.rlvr_math.reward.answers import final_answer

KINDS = {".parquet": "parquet", ".jsonl": "json", ".json": "json", ".csv": "csv"}
BATCH = 100_000
_DOLLAR = re.compile(r"(?<!\\)\$")


@dataclass(frozen=True)
class Row:
    """A prompt with an answer, as published, and where and how often it stands in the source."""

    prompt: str
    answer: str
    number: int  # of its first appearance, from 1
    count: int


@dataclass(frozen=True)
class Loaded:
    """What was read. `rows` are the different (prompt, answer) pairs, in the order of their first appearance."""

    source: str
    revision: str | None
    rows_before: int
    left_out: int
    rows: list[Row]


def load(data_set: DataSet, source: str | None, revision: str | None) -> Loaded:
    """Read `source`, or where the data set is published. ValueError, one sentence, for what cannot be read."""
    source = source or data_set.hub_id
    kind = KINDS.get(Path(source).suffix.lower())
    if kind or os.path.exists(source):
        if revision:
            raise ValueError(f"{source} is a file, which has no --revision; leave it out")
        loaded, revision = _load_file(source, kind), None
    else:
        loaded, revision = _load_hub(data_set, source, revision)
    if not len(loaded):
        raise ValueError(f"{source} has no rows; give a file or data set that has some")
    question, answer = _columns(loaded.column_names, source)
    total, kept = len(loaded), _only(loaded, data_set, source)
    columns = [question, answer, *([data_set.context] if data_set.context in loaded.column_names else [])]
    table = loaded.select_columns(columns)
    return Loaded(source, revision, total, total - len(kept), _different(table, columns, kept, total, source))


def _load_file(source: str, kind: str | None):
    import datasets

    if kind is None:
        raise ValueError(f"{source} is not a {', '.join(KINDS)} file; give one, or a data set's id on the hub")
    if "://" not in source:
        if not os.path.isfile(source):
            raise ValueError(f"{source} does not exist; give a file or a data set's id on the hub")
        if os.path.getsize(source) == 0:
            raise ValueError(f"{source} is empty; download it again")
    options = {"data_files": source, "split": "train"}
    try:
        if kind == "csv":
            # Everything is text: "007" is no number, and "NA" may be an answer.
            names = datasets.load_dataset(kind, nrows=1, **options).column_names
            text = datasets.Features({name: datasets.Value("string") for name in names})
            return datasets.load_dataset(kind, features=text, keep_default_na=False, **options)
        return datasets.load_dataset(kind, **options)
    except Exception as error:
        if isinstance(error, ValueError) and "corresponds to no data" in str(error):
            raise ValueError(f"{source} has no rows; give a file that has some") from None
        place = _broken_line(source) if source.endswith(".jsonl") else ""
        raise ValueError(
            f"{source} is not a readable {kind} file{place} ({_cause(error)}); mend or download it again"
        ) from None


def _broken_line(source: str) -> str:
    """Where a JSON-lines file is broken: the reader's own number counts from the start of a block."""
    with open(source, encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            try:
                if line.strip() and not isinstance(json.loads(line), dict):
                    return f": line {number} is no JSON object"
            except ValueError:
                return f": line {number} is not JSON"
    return ""


def _load_hub(data_set: DataSet, source: str, revision: str | None):
    """The rows and the commit that they are from."""
    import datasets
    from huggingface_hub import HfApi

    own = source == data_set.hub_id
    try:
        pinned = own and revision is None
        revision = data_set.revision if pinned else HfApi().dataset_info(source, revision=revision).sha
        splits = datasets.load_dataset(source, data_set.config if own else None, revision=revision)
    except Exception as error:
        raise ValueError(
            f"{source} cannot be loaded from the hub ({_cause(error)}); check the id, the revision and the network, or give a "
            "local file as --source"
        ) from None
    if data_set.split in splits:
        return splits[data_set.split], revision
    if len(splits) > 1:
        raise ValueError(
            f"{source} has the splits {', '.join(splits)}, but no {data_set.split!r}; give a local file as --source"
        )
    return next(iter(splits.values())), revision


def _cause(error: BaseException) -> str:
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].rstrip('.')}" if lines else type(error).__name__


def _columns(names: list[str], source: str) -> tuple[str, str]:
    for question, answer in LAYOUTS:
        if question in names and answer in names:
            return question, answer
    known = ", ".join(f"{question} + {answer}" for question, answer in LAYOUTS)
    raise ValueError(f"{source} has the columns {', '.join(names)}; rename two of them to one of these pairs: {known}")


def _only(loaded, data_set: DataSet, source: str) -> list[int]:
    """The numbers (from 0) of the rows that belong to the data set's subset."""
    kept = range(len(loaded))
    for column, value in data_set.only:
        if column in loaded.column_names:
            found = [str(entry).strip().lower() for entry in loaded[column]]
            kept = [i for i in kept if found[i].startswith(value)]
            if not kept:
                raise ValueError(
                    f"{source} has no row left with {value!r} in column {column!r} (it has {', '.join(sorted(set(found)))}); "
                    "give the English text-only open-ended maths subset"
                )
    return list(kept)


def _different(table, columns: list[str], kept: list[int], total: int, source: str) -> list[Row]:
    """The different pairs. Grouped in Arrow: DAPO-Math-17k has 1.8 million rows, of which 17 thousand differ."""
    import pyarrow as pa

    if len(kept) < total:
        table = table.select(kept)
    found: dict[tuple, list[int]] = {}
    start = 0
    for batch in table.with_format("arrow").iter(BATCH):
        question, answer = _texts(batch, columns[0]), _texts(batch, columns[1])
        context = batch[columns[2]].combine_chunks() if len(columns) > 2 else pa.nulls(len(batch), pa.string())
        rows = pa.table(
            {"question": question, "answer": answer, "context": context.cast(pa.string()), "row": range(len(batch))}
        )
        keys = ["question", "answer", "context"]
        groups = rows.group_by(keys, use_threads=False).aggregate([("row", "min"), ("row", "count")])
        for group in groups.to_pylist():
            entry = found.setdefault(tuple(group[key] for key in keys), [start + group["row_min"], 0])
            entry[1] += group["row_count"]
        start += len(batch)
    rows = []
    for (question, answer, context), (first, count) in sorted(found.items(), key=lambda item: item[1][0]):
        number = kept[first] + 1
        if not (question or "").strip():
            raise ValueError(
                f"{source}, row {number}: the column {columns[0]!r} has no prompt (a text or one user message); mend it"
            )
        if columns[1] == "solution":
            answer = final_answer(answer or "")
        if not (answer or "").strip():
            raise ValueError(f"{source}, row {number}: the column {columns[1]!r} has no answer; mend or remove the row")
        if columns[1] == "final_answer" and answer.startswith(("['", '["')):
            raise ValueError(f"{source}, row {number}: {answer!r} is a list written as text; give the parquet or JSON file")
        prompt = f"{context.strip()}\n{question}" if (context or "").strip() else question
        rows.append(Row(prompt, answer, number, count))
    return rows


def _texts(batch, column: str):
    """A column as text. Nested ones are unpacked: messages, {ground_truth}, a list of answers."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as types

    values = batch[column].combine_chunks()
    if types.is_struct(values.type) and values.type.get_field_index("ground_truth") >= 0:
        values = pc.struct_field(values, "ground_truth")
    elif (
        types.is_list(values.type)
        and column == "prompt"
        and values.null_count == 0
        and pc.all(pc.equal(pc.list_value_length(values), 1)).as_py()
    ):
        messages = pc.list_flatten(values)
        if pc.all(pc.equal(pc.struct_field(messages, "role"), "user")).as_py():
            values = pc.struct_field(messages, "content")
    if types.is_string(values.type) or types.is_large_string(values.type):
        return values.cast(pa.string())
    return pa.array([_text(value, column) for value in values.to_pylist()], pa.string())


def _text(value: Any, column: str) -> str | None:
    if column == "prompt" and isinstance(value, list):
        users = [message["content"] for message in value if message.get("role") == "user"]
        return users[0] if len(users) == 1 else None  # a conversation is no problem
    if isinstance(value, list):  # OlympiadBench: each in its own dollar signs
        return ", ".join(_DOLLAR.sub("", str(entry)).strip() for entry in value)
    if isinstance(value, float) and value.is_integer():  # amc23 has 27.0 for 27
        value = int(value)
    return None if value is None else str(value)
