"""Which verdicts are kept, and what is odd about them; from a batch to the file."""

import json

import pyarrow.parquet as parquet
import pytest
from tensordict.tensorclass import NonTensorStack

from recipe.runs.token_dump import collect, collect_verdicts
from recipe.runs.token_dump.collect_verdicts import VerdictDump
from recipe.runs.token_dump.dump_settings import DumpSettings
from recipe.runs.token_dump.table import verdict_table, write_table
from recipe.runs.token_dump.verdict_sample import COLUMNS, choose, details, disagreement, loose

WRONG, DIFFERENT, TIMEOUT = "equal but wrong", "right but different", "timeout"


@pytest.mark.parametrize(
    ("truth", "info", "kind"),
    [
        (r"\dfrac{1}{2}", {"acc": 0.0, "pred": r"$\frac12$"}, WRONG),
        ("(1, 2)", {"acc": 0, "pred": r"\left( 1,\,2 \right)."}, WRONG),
        ("Evelyn", {"acc": 0.0, "pred": "evelyn"}, WRONG),
        ("1/2", {"acc": 1.0, "pred": "0.5"}, DIFFERENT),
        ("073", {"acc": True, "pred": "73"}, DIFFERENT),
        ("34", {"acc": 1.0, "pred": " 34 "}, ""),
        ("34", {"acc": 0.0, "pred": "35"}, ""),
        ("12", {"acc": 0.0, "pred": "1.2"}, ""),
        ("34", {"acc": 0.0, "pred": ""}, ""),
        ("34", {"acc": 0.0, "pred": None}, ""),
        ("34", {"acc": 0.0, "pred": "9^{9^9}", "timeout": 1.0}, TIMEOUT),
        ("34", {"pred": "34"}, ""),
        ("34", {"acc": "?", "pred": "34"}, ""),
        ("34", {}, ""),
    ],
)
def test_what_is_odd_about_a_verdict(truth, info, kind):
    assert disagreement(truth, info) == kind


@pytest.mark.parametrize(("one", "other"), [("1/2", "12"), ("-1", "1"), ("(1,2)", "[1,2]"), ("x", "y"), ("5!", "5")])
def test_what_means_something_is_kept(one, other):
    assert loose(one) != loose(other)


def test_disagreements_come_first_each_once_and_ordinary_verdicts_keep_a_quarter():
    kinds = [""] * 50 + [DIFFERENT] * 20 + [WRONG] * 2
    pairs = [("g", "a")] * 50 + [("1/2", "0.5")] * 18 + [("2", "2.0"), ("3", "3.0")] + [("x", "X"), ("y", "Y")]
    chosen = choose(kinds, pairs, list(range(72))[::-1], 8)
    assert len(chosen) == len(set(chosen)) == 8
    assert chosen == sorted(chosen)
    assert {70, 71} <= set(chosen)  # the rarest and worst
    assert {68, 69} <= set(chosen)
    assert sum(kinds[i] == DIFFERENT for i in chosen) == 4  # three different pairs, and one again
    assert sum(kinds[i] == "" for i in chosen) == 2
    assert choose(kinds, pairs, list(range(72)), 100) == list(range(72))
    assert choose([""] * 3, [("g", "a")] * 3, [2, 0, 1], 2) == [1, 2]
    assert choose([WRONG] * 3, [("g", "a")] * 3, [2, 0, 1], 2) == [1, 2]
    assert choose([], [], [], 2) == []


def test_the_rewards_other_values_are_kept_as_json():
    import numpy as np

    info = {"acc": 1.0, "pred": "5", "score": np.float32(0.5), "rule": "integers", "odd": float("nan"), "list": [1]}
    assert json.loads(details(info)) == {"score": 0.5, "rule": "integers", "odd": "nan", "list": "[1]"}


def test_files_are_thinned_out_beside_the_token_dump(tmp_path):
    columns = {"step": [1], "session": [0], "acc": [1.0], **{name: ["a\ud800"] for name in COLUMNS}}
    (tmp_path / "step_1.parquet").write_text("of the token dump")
    for step in range(1, 6):
        write_table(verdict_table(columns, {"responses": 1}), tmp_path, step, 3, kind="verdicts")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "step_1.parquet",
        *(f"verdicts_{step}.parquet" for step in (1, 3, 5)),
    ]
    table = parquet.read_table(tmp_path / "verdicts_5.parquet")
    assert json.loads(table.schema.metadata[b"verdicts"]) == {"format": 1, "responses": 1}
    assert table.to_pylist()[0]["pred"] == "a\ufffd"


@pytest.fixture
def verdicts(run, monkeypatch, tmp_path):
    """Write the sample of the batch of test_collect's `run`; `preds` are its answers."""

    def write(preds, **settings):
        infos = [
            {"reward_extra_info": {"acc": float(i in (0, 3, 4)), **({} if pred is None else {"pred": pred}), "score": 1.0}}
            for i, pred in enumerate(preds)
        ]
        run.rows["extra_fields"] = NonTensorStack(*infos)
        monkeypatch.setattr(collect_verdicts, "tq", collect.tq)
        return VerdictDump(DumpSettings(folder=str(tmp_path / "tokens"), **settings)).write(run.trainer, run.batch)

    return write


def test_from_a_batch_to_the_file(run, verdicts):
    path = verdicts(["7", "7", "7", '["7"]', "<b> ", "$7$"])
    assert path.name == "verdicts_10.parquet"
    table = parquet.read_table(path)
    rows = table.to_pylist()
    assert json.loads(table.schema.metadata[b"verdicts"]) == {
        **{"format": 1, "responses": 6},
        "disagreements": {WRONG: 2, DIFFERENT: 0, TIMEOUT: 0},
    }
    assert [row["ground_truth"] for row in rows] == ["7", "7", "", '["7"]', "<b>", "7"]
    assert [row["disagreement"] for row in rows] == ["", WRONG, "", "", "", WRONG]
    assert [row["acc"] for row in rows] == [1, 0, 0, 1, 1, 0]
    assert [(row["prompt_id"], row["session"]) for row in rows] == [(f"p{i // 3}", i % 3) for i in range(6)]
    assert {(row["step"], row["data_source"], row["prompt"], row["details"]) for row in rows} == {
        (10, "sums", "hi", '{"score": 1.0}')
    }
    for row, ids in zip(rows, run.rows["responses"].unbind(), strict=True):
        assert row["response_end"] == run.trainer.tokenizer.decode(ids.tolist(), skip_special_tokens=True)


def test_padding_rows_are_no_verdicts(run, verdicts):
    run.batch.tags[5]["is_padding"] = True
    assert len(parquet.read_table(verdicts(["7"] * 6))) == 5


def test_there_is_no_file_where_there_is_nothing_to_show(verdicts, tmp_path):
    assert verdicts([None] * 6) is None
    assert verdicts(["7"] * 6, verdicts=0) is None
    assert not (tmp_path / "tokens").exists()


def test_a_failure_is_a_warning_said_once(run, verdicts, capsys):
    del run.rows["reward_model"]
    dump = VerdictDump(DumpSettings(folder="/dev/null/tokens"))
    for _ in range(2):
        assert verdicts(["7"] * 6) is None
    assert "warning: the sample of verdicts failed (KeyError" in (first := capsys.readouterr().err)
    assert first.count("warning") == 2  # of two dumps
    for _ in range(2):
        assert dump.write(run.trainer, run.batch) is None
    assert capsys.readouterr().err.count("warning") == 1
