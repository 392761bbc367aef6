"""Reading a data set: from the hub or a parquet or CSV file with the `datasets` library, or from a JSON file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recipe.rlvr_math.data.cells import answer_text, prompt_text
from recipe.rlvr_math.data.data_sets import LAYOUTS, DataSet
from recipe.rlvr_math.data.json_file import read_rows
from recipe.rlvr_math.data.readers import load_file, load_hub, of_mixed_types
from recipe.rlvr_math.data.statements import statement
from recipe.rlvr_math.data.table import arrow_groups, row_groups
from recipe.rlvr_math.reward.answers import final_answer
from recipe.rlvr_math.reward.stated import NOTHING, Stated

KINDS = {".parquet": "parquet", ".jsonl": "json", ".json": "json", ".csv": "csv"}


@dataclass(frozen=True)
class Row:
    """A prompt with an answer, as published, what is stated of the answer, and where and how often it stands in the source."""

    prompt: str
    answer: str
    number: int  # of its first appearance, from 1
    count: int
    stated: Stated = NOTHING


@dataclass(frozen=True)
class Loaded:
    """What was read. `rows` are the different ones, in the order of their first appearance.

    unused_columns: what stands in the source beside. not_understood: (row number, column, value) of what should have been used.
    """

    source: str
    revision: str | None
    rows_before: int
    left_out: int
    rows: list[Row]
    unused_columns: tuple[str, ...] = ()
    not_understood: tuple[tuple[int, str, str], ...] = ()


def load(data_set: DataSet, source: str | None, revision: str | None) -> Loaded:
    """Read `source`, or where the data set is published. ValueError, one sentence, for what cannot be read."""
    source = source or data_set.hub_id
    kind = KINDS.get(Path(source).suffix.lower())
    if kind or os.path.exists(source):
        if revision:
            raise ValueError(f"{source} is a file, which has no --revision; leave it out")
        _refuse_no_file(source, kind)
    if kind == "json":
        return _load_json(data_set, source)
    loaded, revision = (load_file(source, kind), None) if kind else load_hub(data_set, source, revision)
    if not len(loaded):
        raise ValueError(f"{source} has no rows; give a file or data set that has some")
    names = loaded.column_names
    wanted = _wanted(data_set, names, source)
    if mixed := [name for name in wanted[:2] if of_mixed_types(loaded, name)]:
        raise ValueError(
            f"{source}: the column {mixed[0]!r} mixes types, which `datasets` reads as JSON text; give the file itself, as "
            "--source hf://datasets/ORGANISATION/NAME/FILE.jsonl"
        )
    kept = range(len(loaded))
    for column, value in data_set.only:
        if column in names:
            found = [_plain(entry) for entry in loaded[column]]
            kept = [i for i in kept if found[i].startswith(value)]
            if not kept:
                raise _nothing_left(source, column, value, found)
    table = loaded.select_columns(list(dict.fromkeys(wanted)))
    try:
        groups = list(arrow_groups(table if len(kept) == len(loaded) else table.select(kept), wanted))
    except ValueError as error:
        raise ValueError(f"{source}: {error}; mend the rows, or choose another column") from None
    numbered = [(values, kept[first] + 1, count) for values, first, count in groups]
    return _loaded(data_set, source, revision, len(loaded), len(kept), names, wanted, numbered)


def _load_json(data_set: DataSet, source: str) -> Loaded:
    names: dict[str, None] = {}
    total = 0

    def counted() -> Iterable[dict[str, Any]]:
        nonlocal total
        for row in read_rows(source):
            total += 1
            names.update(dict.fromkeys(row))
            yield row

    needed = {name for layout in LAYOUTS for name in layout} | {name for name, _ in data_set.only}
    needed |= {*data_set.stated, data_set.context, "extra_info"}
    try:
        groups = row_groups(counted(), needed)
    except (ValueError, OSError) as error:
        raise ValueError(f"{source} is not a readable json file: {error}; mend or download it again") from None
    if not total:
        raise ValueError(f"{source} has no rows; give a file that has some")
    wanted = _wanted(data_set, list(names), source)
    for column, value in data_set.only:
        if column in names:
            found = [_plain(row.get(column)) for row, _, _ in groups]
            groups = [group for group, entry in zip(groups, found, strict=True) if entry.startswith(value)]
            if not groups:
                raise _nothing_left(source, column, value, found)
    numbered = [(tuple(row.get(name) for name in wanted), first + 1, count) for row, first, count in groups]
    kept = sum(count for _, _, count in numbered)
    return _loaded(data_set, source, None, total, kept, list(names), wanted, numbered)


def _wanted(data_set: DataSet, names: Sequence[str], source: str) -> tuple[str, ...]:
    """The columns that are read, that of the prompt and that of the answer first."""
    layout = next((layout for layout in LAYOUTS if set(layout) <= set(names)), None)
    if layout is None:
        known = ", ".join(f"{question} + {answer}" for question, answer in LAYOUTS)
        raise ValueError(f"{source} has the columns {', '.join(names)}; rename two of them to one of these pairs: {known}")
    # A file that `prepare` wrote has in `extra_info` what was stated.
    others = (data_set.context, *data_set.stated, "extra_info" if layout == LAYOUTS[0] else None)
    return *layout, *(name for name in others if name in names)


def _loaded(
    data_set: DataSet,
    source: str,
    revision: str | None,
    total: int,
    kept: int,
    names: Sequence[str],
    wanted: tuple[str, ...],
    groups: Iterable[tuple[tuple, int, int]],
) -> Loaded:
    rows, not_understood = [], []
    for values, number, count in groups:
        found = dict(zip(wanted, values, strict=True))
        try:
            prompt = prompt_text(values[0])
            holder = wanted[1] == "reward_model" and isinstance(values[1], dict)
            answer = answer_text(values[1].get("ground_truth") if holder else values[1])
        except ValueError as error:
            raise ValueError(f"{source}, row {number}: {error}; mend or remove the row") from None
        if not (prompt or "").strip():
            raise ValueError(
                f"{source}, row {number}: the column {wanted[0]!r} has no prompt (a text or one user message); mend it"
            )
        if wanted[1] == "solution":
            answer = final_answer(answer or "")
        if not (answer or "").strip():
            raise ValueError(f"{source}, row {number}: the column {wanted[1]!r} has no answer; mend or remove the row")
        if wanted[1] == "final_answer" and answer.startswith(("['", '["')):
            raise ValueError(f"{source}, row {number}: {answer!r} is a list written as text; give the parquet or JSON file")
        context = prompt_text(found.get(data_set.context))
        before = found.get("extra_info")
        stated, wrong = statement((before if isinstance(before, dict) else {}) | found)
        not_understood += ((number, column, value) for column, value in wrong.items())
        rows.append(Row(f"{context.strip()}\n{prompt}" if (context or "").strip() else prompt, answer, number, count, stated))
    used = {*wanted, *(name for name, _ in data_set.only)}
    unused = tuple(name for name in names if name not in used)
    return Loaded(source, revision, total, total - kept, rows, unused, tuple(not_understood))


def _plain(entry: Any) -> str:
    return str(entry).strip().lower()


def _nothing_left(source: str, column: str, value: str, found: Iterable[str]) -> ValueError:
    return ValueError(
        f"{source} has no row left with {value!r} in column {column!r} (it has {', '.join(sorted(set(found)))}); "
        "give the English text-only open-ended maths subset"
    )


def _refuse_no_file(source: str, kind: str | None) -> None:
    if kind is None:
        raise ValueError(f"{source} is not a {', '.join(KINDS)} file; give one, or a data set's id on the hub")
    if "://" not in source:
        if not os.path.isfile(source):
            raise ValueError(f"{source} does not exist; give a file or a data set's id on the hub")
        if os.path.getsize(source) == 0:
            raise ValueError(f"{source} is empty; download it again")
