"""The samples format: what is written is read again; each wrong line is one sentence with file and line number."""

import json
import math
import warnings

import pytest

from recipe.rlvr_math.evaluation.samples import Sample, append_sample, open_samples, read_samples
from tests.rlvr_math.folders import line, write_lines

KEYS = ["problem", "sample", "score", "acc", "pred", "ground_truth", "output", "tokens", "cut_off"]


def read(path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return list(read_samples(path))


def test_what_is_written_is_read_again(tmp_path):
    path = tmp_path / "aime.jsonl"
    samples = [
        Sample("7", 0, 1.0, 1.0, "1/2", "\\frac12", "½ \u2028 or\n\ud835", 12, False, {"format_ok": True}),
        Sample("7", 1, -1, 0, None, "\\frac12", "", 0, True),
    ]
    with open_samples(path) as file:
        append_sample(file, samples[0])
        assert read(path) == samples[:1]  # flushed at once
        append_sample(file, samples[1])
    assert read(path) == samples
    first, second = path.read_bytes().splitlines()
    assert list(json.loads(first)) == [*KEYS, "format_ok"]
    assert list(json.loads(second)) == KEYS


def test_a_sample_is_checked_where_it_is_made(tmp_path):
    good = Sample("7", 0, 1.0, 1.0, "1", "1", "", 12, False).__dict__
    for change, message in (
        ({"acc": True}, "'acc' is true; it must be a number"),
        ({"acc": 0.5}, r"'acc' is 0.5; it must be 1.0 \(right\) or 0.0 \(wrong\)"),
        ({"score": math.nan}, "'score' is nan; the reward function must return a finite number"),
        ({"problem": 7}, "'problem' is 7; it must be a string"),
        ({"sample": -1}, "'sample' is -1; it must not be negative"),
        ({"tokens": -5}, "'tokens' is -5; it must not be negative"),
        ({"cut_off": 0}, "'cut_off' is 0; it must be true or false"),
        ({"extra": {"tokens": 3}}, r"'extra' holds \['tokens'\]"),
    ):
        with pytest.raises(ValueError, match=message):
            Sample(**(good | change))
    with open(tmp_path / "x.jsonl", "w") as file:
        for value in (math.inf, {1, 2}):
            with pytest.raises(ValueError, match=r"problem '7', sample 0 cannot be written as JSON"):
                append_sample(file, Sample(**(good | {"extra": {"other": value}})))
    assert (tmp_path / "x.jsonl").read_text() == ""


@pytest.mark.parametrize("length", [10, 200_000])  # within one block read from the end, and over several
def test_a_cut_last_line_is_passed_over_and_removed_by_the_next_writer(tmp_path, length):
    path = write_lines(tmp_path / "aime.jsonl", [line(sample=0), line(sample=1)])
    whole = path.read_bytes()
    path.write_bytes(whole + json.dumps(line(sample=2, output="é" * length), ensure_ascii=False).encode()[:-30])
    with pytest.warns(UserWarning, match=r"aime.jsonl: the last line \(line 3\) is cut and was passed over"):
        assert [sample.sample for sample in read_samples(path)] == [0, 1]
    with open_samples(path) as file:
        assert path.read_bytes() == whole
        append_sample(file, Sample("0", 2, 1.0, 1.0, "42", "42", "", 3, False))
    assert [sample.sample for sample in read(path)] == [0, 1, 2]

    path.write_bytes(b'{"problem": "0", "sam')
    open_samples(path).close()
    assert path.read_bytes() == b""
    assert read(path) == []


def test_a_whole_last_line_without_line_end_counts(tmp_path):
    path = write_lines(tmp_path / "aime.jsonl", [line(sample=0), line(sample=1)], end="")
    assert len(read(path)) == 2


def test_a_line_that_is_there_twice_counts_once(tmp_path):
    path = write_lines(
        tmp_path / "aime.jsonl", [line(sample=0), line(sample=1), line(sample=0), line(sample=2), line(sample=1)]
    )
    with pytest.warns(UserWarning, match=r"2 line\(s\) are there twice; each was counted once"):
        assert [sample.sample for sample in read_samples(path)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ('{"problem": "0", "sam', "is not valid JSON; remove the line, or restore the file"),
        ("", "is not valid JSON"),
        ("[1, 2]", ": not a JSON object"),
        (line(acc=...), ": the key 'acc' is missing"),
        (line(tokens=..., acc=...), ": the keys 'acc', 'tokens' are missing"),
        (line(pred=42), ": 'pred' is 42; it must be a string or null"),
        (line(sample="1"), ": 'sample' is \"1\"; it must be an integer"),
        (line(tokens=1.0), ": 'tokens' is 1.0; it must be an integer"),
        (line(output=["x" * 100]), r": 'output' is \[\"x+\.\.\.; it must be a string"),
        (line(sample=0, acc=0.0), ": problem '0', sample 0 was there before with other content"),
    ],
)
def test_a_wrong_line_in_the_middle_is_named(tmp_path, record, message):
    text = record if isinstance(record, str) else json.dumps(record)
    path = tmp_path / "aime.jsonl"
    path.write_text("\n".join([json.dumps(line()), text, json.dumps(line(sample=3))]) + "\n")
    with pytest.raises(ValueError, match=rf"aime\.jsonl, line 2.*{message}"):
        read(path)
    path.write_bytes(json.dumps(line()).encode() + b'\n{"problem": "\xff"}\n')
    with pytest.raises(ValueError, match=r"line 2 is not valid JSON"):
        read(path)
