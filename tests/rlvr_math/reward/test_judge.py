import io

import pytest

from recipe.rlvr_math.reward.judge import main


@pytest.mark.parametrize(
    ("gold", "response", "told"),
    [
        (
            r"\frac{9}{4}",
            r"So \boxed{2\frac14}.",
            ["answer     2\\frac14", "box, character 3 of 20", "exact numbers: equal", "right"],
        ),
        (
            "5",
            "Answer: **6=5**",
            ["answer line, character 0", "read as  6 = 5", "one value is no relation: different", "wrong"],
        ),
        ("[1,4)", r"\boxed{1\le x<4}", [r"in order: [1; 4)", r"1 \le x < 4", "as sets of numbers: equal", "right"]),
        ("1,200", r"\boxed{1200}", ["1200 or else 2 in any order: 1; 200", "right"]),
        ("3\\text{ km}", r"\boxed{3\text{ kg}}", ["read as  3 in km", "km is not kg: different", "wrong"]),
        ("5", "It is 5.", ["the response has no box and no answer line", "wrong"]),
    ],
)
def test_a_verdict_is_explained(gold, response, told, capsys):
    main([gold, response])
    out = capsys.readouterr().out
    assert [text for text in told if text not in out] == []


def test_a_response_from_standard_input(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("first line\nAnswer: 5"))
    main(["5", "-"])
    assert "verdict    right" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--unit", "km", "5", r"\boxed{5\text{ m}}"], ["stated   unit km", "m converted to km: different"]),
        (["--error", "0.1", "4.2", r"\boxed{4.25}"], ["with an error of 1/10", "within the stated error: equal"]),
        (["--multiple", "1,200", r"\boxed{1200}"], ["is_multiple_answer True", "2 in any order: 1; 200", "verdict    wrong"]),
        (["--no-multiple", "1,200", r"\boxed{1200}"], ["is_multiple_answer False", "read as  1200", "verdict    right"]),
        (["--type", "Tuple", "(1,4)", r"\boxed{1<x<4}"], ["a tuple: (1; 4)", "is no relation: different", "verdict    wrong"]),
    ],
)  # fmt: skip
def test_what_is_stated_is_taken(options, told, capsys):
    main(options)
    out = capsys.readouterr().out
    assert [text for text in told if text not in out] == [], out


@pytest.fixture
def prepared(tmp_path):
    import pyarrow
    import pyarrow.parquet

    rows = [
        {"reward_model": {"ground_truth": "4"}, "extra_info": {"index": 0, "unit": None, "error": None}},
        {"reward_model": {"ground_truth": "4.2"}, "extra_info": {"index": 1, "unit": "%", "error": "1e-1"}},
    ]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "test.parquet")
    return str(tmp_path / "test.parquet")


def test_a_row_of_a_prepared_file(prepared, capsys):
    main(["--data", prepared, "--row", "1", r"\boxed{4.3\%}"])
    out = capsys.readouterr().out
    assert "gold       4.2\n  stated   unit %, error 1e-1\n" in out
    assert "decided by within the stated error: equal\nverdict    right" in out


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--row", "2", "5"], "has rows 0 to 1, and no row 2"),
        (["4", "5"], "give the right answer, or --data"),
        (["--error", "some", "5"], "--error is a number"),
    ],
)
def test_wrong_use_is_refused(options, told, prepared, capsys):
    with pytest.raises(SystemExit):
        main(["--data", prepared, *options])
    assert told in capsys.readouterr().err


def test_a_file_of_another_kind_is_refused(tmp_path, capsys):
    (tmp_path / "a.parquet").write_text("text")
    with pytest.raises(SystemExit):
        main(["--data", str(tmp_path / "a.parquet"), "5"])
    assert "is no file of prepare" in capsys.readouterr().err
