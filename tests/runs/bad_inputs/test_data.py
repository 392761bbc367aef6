"""Wrong data files, each refused by one sentence that names the file and what is wrong."""

import json
import re

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from tests.runs.bad_inputs.rows import row, write

GOOD = [row(prompt=f"{i}+3=") for i in range(40)]


def user(content):
    return [{"role": "user", "content": content}]


def with_one(bad, at=17):
    """The good rows with one of them replaced."""
    return [*GOOD[:at], bad, *GOOD[at + 1 :]]


def column(name, values):
    """The good rows with a column of other values."""
    return [{**given, name: value} for given, value in zip(GOOD, values, strict=True)]


# name: (rows of the file, pattern of the sentence)
ROWS = {
    "text prompts": (column("prompt", ["1+1="] * 40), r"has text in its column 'prompt' where verl reads chats"),
    "numbers for prompts": (column("prompt", range(40)), r"has int64 in its column 'prompt'"),
    "one message, not a list": (column("prompt", [{"role": "user", "content": "1"}] * 40), r"struct.* in its column 'prompt'"),
    "lists of text": (column("prompt", [["1+1="]] * 40), r"list.*string.* in its column 'prompt' where verl reads chats"),
    "messages with other keys": (
        column("prompt", [[{"from": "human", "value": "1"}]] * 40),
        r"in its column 'prompt' where verl",
    ),
    "messages without role": (column("prompt", [[{"content": "1"}]] * 40), r"in its column 'prompt' where verl reads chats"),
    "contents of numbers": (column("prompt", [user(3)] * 40), r"whose content is int64; make both text"),
    "roles of numbers": (column("prompt", [[{"role": 1, "content": "1"}]] * 40), r"whose role is int64"),
    "only null prompts": (column("prompt", [None] * 40), r"nothing but nulls in its column 'prompt'"),
    "a null prompt in row 17": (with_one({**row(), "prompt": None}), r"no prompt \(null\) in row 17; rows count from 0"),
    "a null prompt in the last row": (with_one({**row(), "prompt": None}, 39), r"no prompt \(null\) in row 39"),
    "two null prompts": (
        [{**given, "prompt": None} if i in (3, 5) else given for i, given in enumerate(GOOD)],
        r"no prompt \(null\) in row 3, as have 1 of",
    ),
    "a prompt without messages": (with_one(row(prompt=[])), r"an empty prompt, without any message in row 17"),
    "an empty message": (with_one(row(prompt="")), r"a prompt of empty messages in row 17"),
    "a message of blanks": (with_one(row(prompt=" \n\t")), r"a prompt of empty messages in row 17"),
    "null content": (with_one(row(prompt=user(None))), r"a message without content \(null\) in row 17"),
    "null content beside text": (with_one(row(prompt=[*user("1+1="), *user(None)])), r"without content \(null\) in row 17"),
    "a null role": (with_one(row(prompt=[{"role": None, "content": "1"}])), r"a message without a role in row 17"),
    "a null message": (with_one(row(prompt=[None])), r"a message without a role in row 17"),
    "no prompt column": ([row(prompt=None) | {} for _ in GOOD], r"has no column 'prompt'; its columns are data_source"),
    "no data_source": ([row(data_source=None) for _ in GOOD], r"has no column 'data_source'"),
    "a null data_source": (with_one({**row(), "data_source": None}), r"no data_source \(null\) in row 17"),
    "a number for data_source": (column("data_source", [1] * 40), r"has int64 in its column 'data_source'"),
    "a list for data_source": (column("data_source", [["sum"]] * 40), r"list.* in its column 'data_source'"),
    "no reward_model": ([row(reward_model=None) for _ in GOOD], r"has no column 'reward_model'"),
    "text for reward_model": (
        column("reward_model", ["2"] * 40),
        r"has no 'ground_truth' in its column.*\(text\)",
    ),
    "JSON for reward_model": (column("reward_model", ['{"ground_truth": "2"}'] * 40), r"no 'ground_truth'.*\(text\)"),
    "reward_model without ground_truth": (
        column("reward_model", [{"style": "rule"}] * 40),
        r"has no 'ground_truth' in its column",
    ),
    "a misspelt ground_truth": (column("reward_model", [{"groundtruth": "2"}] * 40), r"has no 'ground_truth' in its column"),
    "a null reward_model": (with_one({**row(), "reward_model": None}), r"no reward_model \(null\) in row 17"),
    "a null ground_truth": (with_one(row(reward_model={"ground_truth": None})), r"no ground_truth \(null\) in row 17"),
    "only null ground_truths": (column("reward_model", [{"ground_truth": None}] * 40), r"no ground_truth \(null\) in row 0"),
    "NaN for a ground_truth": (
        [row(reward_model={"ground_truth": float("nan") if i == 17 else 1.0}) for i in range(40)],
        r"no ground_truth \(null\) in row 17",
    ),
    "text for extra_info": (
        column("extra_info", ["{}"] * 40),
        r"has text in its column 'extra_info', where verl looks",
    ),
    "a list for extra_info": (column("extra_info", [[1]] * 40), r"list.* in its column 'extra_info'"),
    "no rows": ([], r"has no column 'prompt'"),
    "fewer rows than a batch": (GOOD[:31], r"31 training rows are fewer than one batch \(data.train_batch_size=32\)"),
    "only prompts that are too long": (
        [row(prompt="1" * 60) for _ in GOOD],
        r"data.train_files: all 1 prompts are longer than 48 tokens; data.max_prompt_length=7\d",
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_wrong_rows_are_refused(refusal, tmp_path, name):
    rows, pattern = ROWS[name]
    file = write(tmp_path / "wrong.parquet", rows)
    sentence = refusal(f"data.train_files={file}")
    assert re.search(pattern, sentence), sentence
    assert name in ("fewer rows than a batch", "only prompts that are too long") or f"data.train_files: {file} " in sentence


# What a run with a validation file of its own would find out at its first validation only.
@pytest.mark.parametrize("name", ["text prompts", "a null prompt in row 17", "a null ground_truth", "no data_source"])
def test_validation_files_are_looked_at_alike(refusal, tmp_path, name):
    file = write(tmp_path / "wrong.parquet", ROWS[name][0])
    assert refusal(f"data.val_files={file}").startswith(f"data.val_files: {file} ")


def a_list(tmp_path):
    second = write(tmp_path / "second.parquet", ROWS["a null prompt in row 17"][0])
    return f"[{write(tmp_path / 'first.parquet', GOOD)},{second}]"


def truncated(tmp_path):
    whole = write(tmp_path / "cut.parquet", GOOD).read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    return tmp_path / "cut.parquet"


def broken_page(tmp_path):
    """The footer is whole, the data are not: what a copy that was interrupted and resumed may leave."""
    file = tmp_path / "page.parquet"
    parquet.write_table(pa.Table.from_pylist(GOOD), file, compression="zstd")
    content = bytearray(file.read_bytes())
    content[40:400] = bytes(360)
    file.write_bytes(content)
    return file


def other_columns(tmp_path):
    return (
        f"[{write(tmp_path / 'a.parquet', GOOD)},{write(tmp_path / 'b.parquet', column('extra_info', [{'index': 'x'}] * 40))}]"
    )


def text(name, content):
    def write_text(tmp_path):
        (tmp_path / name).write_text(content)
        return tmp_path / name

    return write_text


def folder(tmp_path):
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


def empty_schema(tmp_path):
    return write(tmp_path / "empty.parquet", [], pa.Table.from_pylist(GOOD).schema)


DEEP = json.dumps(GOOD[0])[:-1] + f', "more": {"[" * 20_000}{"]" * 20_000}}}'
FILES = {
    "missing": (
        lambda tmp_path: tmp_path / "nowhere.parquet",
        r"data.train_files names .*nowhere.parquet, which does not exist",
    ),
    "a folder": (folder, r"data.train_files names .*folder, which is a folder; name the files in it"),
    "a pattern": (lambda tmp_path: f"{tmp_path}/*.parquet", r"data.train_files names .*\*.parquet, which does not exist"),
    "an empty list": (lambda _: "[]", r"data.train_files is an empty list"),
    "the second of a list": (a_list, r"second.parquet has no prompt \(null\) in row 17"),
    "no parquet": (text("x.parquet", "not parquet"), r"cannot be read to its end .*copy or make it again"),
    "an empty file": (text("x.parquet", ""), r"cannot be read to its end"),
    "truncated": (truncated, r"cut.parquet cannot be read to its end"),
    "a page broken": (broken_page, r"page.parquet cannot be read to its end"),
    "a schema without rows": (empty_schema, r"empty.parquet has no rows"),
    "CSV": (text("x.csv", "prompt,answer\n1+1,2\n"), r"x.csv is no file that verl reads; its name must end in .parquet"),
    "no ending": (text("data", "x"), r"is no file that verl reads"),
    "a tarball": (text("x.parquet.gz", "x"), r"is no file that verl reads"),
    "broken JSON": (text("x.jsonl", '{"prompt": [}\n'), r"x.jsonl cannot be read to its end"),
    "a JSON number": (text("x.json", "3"), r"x.json is no list of objects"),
    "JSON lines of text": (text("x.jsonl", json.dumps({"prompt": "1+1="}) + "\n"), r"x.jsonl has no column 'data_source'"),
    "JSON in another encoding": (
        lambda tmp_path: (tmp_path / "x.json").write_bytes(b'[{"prompt": "\xff\xfe"}]') and tmp_path / "x.json",
        r"x.json cannot be read to its end",
    ),
    "JSON lines 20,000 deep": (text("x.jsonl", DEEP + "\n"), r"x.jsonl is nested deeper than 100 levels in line 1"),
    "a JSON list 20,000 deep": (text("x.json", f"[{DEEP}]"), r"x.json is nested deeper than 100 levels in line 1"),
    "files that do not go together": (
        other_columns,
        r"column 'extra_info' is .*int64.* in .*a.parquet and .*string.* in",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_wrong_files_are_refused(refusal, tmp_path, name):
    make, pattern = FILES[name]
    sentence = refusal(f"data.train_files={make(tmp_path)}")
    assert re.search(pattern, sentence), sentence


@pytest.mark.parametrize("ending", [".jsonl", ".json"])
def test_json_is_looked_at_like_parquet(prepare, refusal, tmp_path, ending):
    def write_json(rows):
        lines = map(json.dumps, rows)
        file = tmp_path / f"data{ending}"
        file.write_text("\n".join(lines) if ending == ".jsonl" else f"[{','.join(lines)}]")
        return file

    prepare(f"data.train_files={write_json(GOOD)}")
    sentence = refusal(f"data.train_files={write_json(ROWS['a null prompt in row 17'][0])}")
    assert "has no prompt (null) in row 17" in sentence
