"""The different rows of a table, each with the place where it stands first (from 0) and how often it stands there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from recipe.rlvr_math.data.cells import answer_text, prompt_text
from recipe.rlvr_math.reward.stated import FIELDS

BATCH = 100_000
Group = tuple[tuple, int, int]


def row_groups(rows: Iterable[dict[str, Any]], needed: set[str | None]) -> list[tuple[dict[str, Any], int, int]]:
    """The rows of a JSON file that differ in the columns `needed`, with these only, in the order of first appearance."""
    found: dict[str, tuple[dict[str, Any], list[int]]] = {}
    for number, row in enumerate(rows):
        kept = {name: _reduced(name, value) for name, value in row.items() if name in needed}
        # A number and the text of the same digits are the same here.
        _, place = found.setdefault(json.dumps(kept, sort_keys=True), (kept, [number, 0]))
        place[1] += 1
    return [(row, first, count) for row, (first, count) in found.values()]


def arrow_groups(table, columns: Sequence[str]) -> Iterator[Group]:
    """The different values of `columns` of a data set of `datasets`: prompt and answer as text, the others as they are.

    Grouped in Arrow: DAPO-Math-17k has 1.8 million rows, of which 17 thousand differ.

    Raises:
        ValueError: an answer is an object.
    """
    import pyarrow as pa

    found: dict[tuple, list[int]] = {}
    start = 0
    for batch in table.with_format("arrow").iter(BATCH):
        keys = {
            "0": _texts(batch, columns[0], prompt_text, unpack_messages=columns[0] == "prompt"),
            "1": _texts(batch, columns[1], answer_text),
            **{str(i): _others(batch, name) for i, name in enumerate(columns[2:], 2)},
        }
        rows = pa.table(keys | {"row": range(len(batch))})
        groups = rows.group_by(list(keys), use_threads=False).aggregate([("row", "min"), ("row", "count")])
        for group in groups.to_pylist():
            entry = found.setdefault(tuple(group[key] for key in keys), [start + group["row_min"], 0])
            entry[1] += group["row_count"]
        start += len(batch)
    for (prompt, answer, *others), (first, count) in sorted(found.items(), key=lambda item: item[1][0]):
        yield (prompt, answer, *(None if other is None else json.loads(other) for other in others)), first, count


def _reduced(name: str, value: Any) -> Any:
    """`extra_info` differs in every row of verl's format; only what it may state of the answer is of interest."""
    return {key: value.get(key) for key in FIELDS} if name == "extra_info" and isinstance(value, dict) else value


def _others(batch, column: str):
    """A column as JSON text, by which rows can be grouped; null for null."""
    import pyarrow as pa
    import pyarrow.types as types

    values = batch[column].combine_chunks()
    if column == "extra_info" and not (
        types.is_struct(values.type) and any(values.type.get_field_index(name) >= 0 for name in FIELDS)
    ):
        return pa.nulls(len(values), pa.string())
    texts = ((None if value is None else json.dumps(_reduced(column, value), default=str)) for value in values.to_pylist())
    return pa.array(texts, pa.string())


def _texts(batch, column: str, as_text, unpack_messages: bool = False):
    """A column as text. Nested ones are unpacked: messages, {ground_truth}, a list of answers."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as types

    values = batch[column].combine_chunks()
    if types.is_struct(values.type) and values.type.get_field_index("ground_truth") >= 0:
        values = pc.struct_field(values, "ground_truth")
    elif (
        types.is_list(values.type)
        and unpack_messages
        and values.null_count == 0
        and pc.all(pc.equal(pc.list_value_length(values), 1)).as_py()
    ):
        messages = pc.list_flatten(values)
        if pc.all(pc.equal(pc.struct_field(messages, "role"), "user")).as_py():
            values = pc.struct_field(messages, "content")
    if types.is_string(values.type) or types.is_large_string(values.type):
        return values.cast(pa.string())
    return pa.array([as_text(value) for value in values.to_pylist()], pa.string())
