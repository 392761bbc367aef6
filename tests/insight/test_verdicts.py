"""The verdicts of a run, from its samples to the page."""

import json
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recipe.insight.__main__ import write_report
from recipe.insight.verdicts import PAIRS, TEXT, read_verdicts
from recipe.runs.token_dump.table import verdict_table, write_table
from recipe.runs.token_dump.verdict_sample import COLUMNS, KINDS
from tests.insight.folders import verdict, write_run, write_verdicts

WRONG, DIFFERENT, TIMEOUT = KINDS
HALF = {"ground_truth": r"\frac{1}{2}", "pred": "0.5", "disagreement": DIFFERENT}
EVELYN = {"ground_truth": "Evelyn", "pred": "evelyn", "disagreement": WRONG, "acc": 0.0}


def test_each_pair_of_answers_is_one_the_worst_first(tmp_path):
    write_verdicts(tmp_path, 1, [verdict(1), verdict(1), verdict(1, **HALF)])
    write_verdicts(tmp_path, 10, [verdict(10, **HALF), verdict(10, **EVELYN), verdict(10, acc=float("nan"), pred="x\u202ey")])
    write_verdicts(tmp_path, 9, [verdict(9, **HALF, prompt="z" * (TEXT + 9))])
    found = read_verdicts(tmp_path)
    assert (found.steps, found.responses, found.note) == (3, 7, "")
    assert found.totals == {WRONG: 1, DIFFERENT: 3, TIMEOUT: 0}
    assert [(pair["kind"], pair["pred"], pair["times"], pair["first"], pair["last"]) for pair in found.pairs] == [
        (WRONG, "evelyn", 1, 10, 10),
        (DIFFERENT, "0.5", 3, 1, 10),
        ("", "42", 2, 1, 1),
        ("", "x⟨U+202E⟩y", 1, 10, 10),
    ]
    assert [pair["acc"] for pair in found.pairs] == [0.0, 1.0, 1.0, None]


def test_a_run_without_samples_has_none(tmp_path):
    assert read_verdicts(tmp_path) is None


def test_verdicts_of_an_attempt_that_was_thrown_away_do_not_count(tmp_path):
    for step in (9, 10, 11):
        write_verdicts(tmp_path, step, [verdict(step, pred=str(step))])
    assert {pair["pred"] for pair in read_verdicts(tmp_path, last_step=10).pairs} == {"9", "10"}


def test_many_pairs_are_cut(tmp_path):
    write_verdicts(tmp_path, 1, [verdict(pred=str(i), prompt="z" * 2 * TEXT) for i in range(PAIRS + 1)])
    found = read_verdicts(tmp_path)
    assert (len(found.pairs), found.note) == (PAIRS, f"{PAIRS} of {PAIRS + 1} pairs of answers are in this page.")
    assert len(found.pairs[0]["prompt"]) == TEXT


def test_what_training_writes_is_read(tmp_path):
    columns = {"step": [3], "session": [1], "acc": [1.0], **{name: [f"my {name}"] for name in COLUMNS}}
    about = {"responses": 8, "disagreements": dict.fromkeys(KINDS, 1)}
    write_table(verdict_table(columns, about), tmp_path / "tokens", 3, 9, kind="verdicts")
    found = read_verdicts(tmp_path)
    assert (found.responses, found.totals) == (8, dict.fromkeys(KINDS, 1))
    assert found.pairs[0]["ground_truth"] == "my ground_truth"


@pytest.mark.parametrize(
    ("about", "changed", "message"),
    [
        ({"format": 2}, {}, "is no sample of verdicts of format 1"),
        ([], {}, "is no sample of verdicts of format 1"),
        ({"format": 1, "responses": "8", "disagreements": {}}, {}, "do not say how many"),
        ({"format": 1, "responses": 8, "disagreements": {"a": "<b>"}}, {}, "do not say how many"),
        (None, {"step": "one"}, "a column is damaged or of another type"),
    ],
)
def test_other_files_are_refused_in_one_sentence(tmp_path, about, changed, message):
    path = write_verdicts(tmp_path, 1, [verdict() | changed], about)
    with pytest.raises(ValueError, match=message) as caught:
        read_verdicts(tmp_path)
    assert str(path) in str(caught.value)


def test_broken_files_and_missing_columns(tmp_path):
    path = write_verdicts(tmp_path, 1, [verdict()])
    pq.write_table(pq.read_table(path).drop_columns(["pred"]), path)
    with pytest.raises(ValueError, match="lacks the column 'pred'"):
        read_verdicts(tmp_path)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ValueError, match="cannot be read as parquet"):
        read_verdicts(tmp_path)


def test_the_page_has_them(tmp_path):
    run = write_run(tmp_path / "run")
    write_verdicts(run, 1, [verdict(**EVELYN), verdict(pred="</script><script>alert(1)</script>")])
    html = write_report([run], tmp_path / "report").read_text()
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', html)[1])
    (found,) = data["verdicts"]
    assert found["totals"] == {WRONG: 1, DIFFERENT: 0, TIMEOUT: 0}
    assert found["pairs"][1]["pred"] == "</script><script>alert(1)</script>"
    assert "<script>alert" not in html


@pytest.mark.slow
def test_the_tab_in_a_browser(tmp_path, visit):
    run = write_run(tmp_path / "run")
    hostile = "<img src=x onerror=alert(1)>"
    write_verdicts(run, 7, [verdict(7, **EVELYN), verdict(7, **HALF, prompt=hostile), verdict(7)])
    page = visit(write_report([run, write_run(tmp_path / "bare")], tmp_path / "report"))
    page.click("#tab-verdicts")
    text = page.inner_text("#verdicts")
    assert "Of 3 responses in 1 sampled steps, equal but wrong: 1, right but different: 1, timeout: 0." in text
    cells = "() => [...document.querySelectorAll('#verdicts tbody tr')].map(row => row.children[0].textContent)"
    assert page.evaluate(cells) == [WRONG, DIFFERENT]
    page.select_option("#verdicts select", "all")
    assert page.evaluate(cells) == [WRONG, DIFFERENT, "\u2014"]
    page.select_option("#verdicts select", TIMEOUT)
    assert "None of the sampled verdicts is of this kind." in page.inner_text("#verdicts")
    page.select_option("#verdicts select", DIFFERENT)
    page.click("#verdicts summary")
    assert hostile in page.inner_text("#verdicts details")


@pytest.mark.slow
def test_a_report_without_verdicts_says_so(tmp_path, visit):
    page = visit(write_report([write_run(tmp_path / "run")], tmp_path / "report"))
    page.click("#tab-verdicts")
    assert "There are no verdicts to show" in page.inner_text("#verdicts")


def test_pyarrow_null_columns_are_texts(tmp_path):
    path = write_verdicts(tmp_path, 1, [verdict()])
    table = pq.read_table(path)
    nulls = table.set_column(table.column_names.index("details"), "details", pa.nulls(1, pa.string()))
    pq.write_table(nulls.replace_schema_metadata(table.schema.metadata), path)
    assert read_verdicts(tmp_path).pairs[0]["details"] == ""
