"""Answers reach the prepared file as the publisher wrote them, whatever their types."""

import json

import pytest

from recipe.rlvr_math.data.cells import Literal, answer_text
from tests.rlvr_math.data.published import write

LONG = 12345678901234567890123  # 23 digits
# What stands in the file, the right answer.
MIXED = [
    (str(LONG), str(LONG)),
    ("-123456789012345678901234567890", "-123456789012345678901234567890"),
    ('"1/3"', "1/3"),
    ('"007"', "007"),
    ("7", "7"),
    ("1.50", "1.50"),
    ("27.0", "27"),
    ("6.02e23", "6.02e23"),
    ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
    ("true", "True"),
    ("false", "False"),
    ('["$2$", "$6$"]', "2, 6"),
    (f'[{LONG}, "1/3", 0.50, true]', f"{LONG}, 1/3, 0.50, True"),
    ("[[1, 2], [3, 4]]", "(1, 2), (3, 4)"),
    (r'"\\frac{1}{2}"', r"\frac{1}{2}"),
    ('"null"', "null"),
]


@pytest.mark.parametrize("form", ["lines", "list"])
def test_json_of_mixed_types(prepare, tmp_path, form):
    rows = [f'{{"problem": "Number {i}?", "answer": {text}}}' for i, (text, _) in enumerate(MIXED)]
    file = tmp_path / ("in.jsonl" if form == "lines" else "in.json")
    file.write_text("\n".join(rows) if form == "lines" else f"[{', '.join(rows)}]")
    written, _, _ = prepare("math-500", file)
    assert [row["reward_model"]["ground_truth"] for row in written] == [right for _, right in MIXED]


def test_verls_own_layout_in_json(prepare, tmp_path):
    row = {"prompt": [{"role": "user", "content": "Big?"}], "reward_model": {"style": "rule", "ground_truth": LONG}}
    written, _, _ = prepare("aime-2025", write(tmp_path / "in.jsonl", [row]))
    assert written[0]["reward_model"]["ground_truth"] == str(LONG)


def test_an_answer_that_is_no_answer_is_refused(refused, tmp_path):
    for answer, message in (
        ("null", "has no answer"),
        ("[]", "has no answer"),
        ("NaN", "has no answer"),
        ('{"a": 1}', "the answer is an object with the keys a"),
    ):
        (tmp_path / "in.jsonl").write_text(f'{{"problem": "One?", "answer": {answer}}}')
        error = refused("aime-2025", tmp_path / "in.jsonl")
        assert f"row 1: {message}" in error or f"row 1: the column 'answer' {message}" in error


def test_rows_that_lack_a_column_and_an_address(prepare, tmp_path):
    (tmp_path / "in.jsonl").write_text('{"problem": "One?", "answer": 1}\n\n{"problem": "Two?", "answer": 2, "unit": "km"}\n')
    written, manifest, _ = prepare("aime-2025", f"file://{tmp_path}/in.jsonl")
    assert [row["reward_model"]["ground_truth"] for row in written] == ["1", "2"]
    assert manifest["unused_columns"] == ["unit"]
    assert written[1]["extra_info"]["unit"] is None  # another data set's column of this name may mean anything


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (["$2$"], "2"),
        (["$2$, $6$"], "2, 6"),
        (["$n=2$ and $n=3$"], "n=2 and n=3"),
        ([r"\$5"], r"\$5"),
        (27.0, "27"),
        (1e23, "1e+23"),  # int() would make up digits
        (-0.5, "-0.5"),
        (LONG, str(LONG)),
        (True, "True"),
        (Literal("-3.0"), "-3"),
        (None, None),
    ],
)
def test_values_as_text(value, text):
    assert answer_text(value) == text


def test_mixed_types_on_the_hub_are_refused(refused, tmp_path, monkeypatch):
    """There the datasets library reads, which makes JSON text of them: "1/3" would get quotation marks."""
    import datasets

    (tmp_path / "in.jsonl").write_text('{"problem": "One?", "answer": "1/3"}\n{"problem": "Two?", "answer": 2}\n')
    found = datasets.load_dataset("json", data_files=str(tmp_path / "in.jsonl"))
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: found)
    error = refused("math-500", None)
    assert "the column 'answer' mixes types" in error
    assert "--source hf://datasets/" in error


def test_the_file_is_read_line_by_line(prepare, tmp_path):
    """Equal rows are one from the start: a copy of DAPO's file as JSON lines has 1.8 million."""
    lines = [json.dumps({"problem": f"Number {i % 50}?", "answer": i % 50, "extra_info": {"index": i}}) for i in range(5000)]
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    written, manifest, _ = prepare("dapo-math-17k", tmp_path / "in.jsonl", "--published", "{problem}")
    assert (len(written), manifest["rows_before"], manifest["duplicates"]) == (50, 5000, 4950)
