"""What the command reads, and what it says of wrong input."""

import json

import numpy as np
import pyarrow as pa
import pytest

from recipe.insight import dumps
from recipe.insight.__main__ import main
from recipe.insight.config import compare, flatten, read_config
from recipe.insight.dumps import read_dumps
from recipe.insight.metrics import read_metrics, with_gaps
from recipe.insight.plots import overview
from recipe.insight.runs import load_runs
from recipe.token_level.display import Display, Group, Grouping
from tests.insight.folders import (
    DISPLAYS,
    HAPO,
    HTPO,
    dump_schema,
    response,
    step_metrics,
    write_dump,
    write_metrics,
    write_run,
)


def test_nan_is_a_gap_and_what_was_not_logged_is_none(tmp_path):
    path = write_metrics(tmp_path / "metrics.jsonl", [1, 2])
    odd = '{"step":3,"data":{"critic/score/mean":null,"actor/entropy":"x","perf/throughput":true,"htpo/a/loss":NaN}}\n'
    path.write_text(path.read_text() + odd + '{"step":4,"data":{"critic/sc')
    metrics = read_metrics(tmp_path, ("htpo/",))
    assert metrics.steps.tolist() == [1, 2, 3]
    assert all(np.isnan(metrics.column(name)[2]) for name in ("critic/score/mean", "actor/entropy", "perf/throughput"))
    assert metrics.known("critic/score/mean")[0].tolist() == [1, 2]
    assert metrics.curve("critic/score/mean")[0].tolist() == [1, 2, 3]
    assert metrics.curve("htpo/a/loss")[0].tolist() == [3]
    assert metrics.curve("actor/entropy")[0].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("steps", "gaps"),
    [
        ([1, 2, 3, 4], []),
        ([1, 2, 3, 8, 9], [4, 7]),
        ([1, 2, 3, 5, 6], [4]),
        ([0, 10, 20, 30, 33], []),  # a validation, also after the last step
        ([0, 10, 20, 50, 60], [21, 49]),
        ([7], []),
        ([1, 9], []),
        ([], []),
    ],
)
def test_a_stretch_that_a_metric_skips_is_a_gap(steps, gaps):
    x, y = with_gaps(np.array(steps, dtype=int), np.ones(len(steps)))
    assert x.tolist() == sorted([*steps, *gaps])
    assert x[np.isnan(y)].tolist() == gaps


def test_the_page_draws_gaps_and_nothing_of_a_dead_attempt(tmp_path):
    """The first attempt came to step 12 with a checkpoint of step 6; the second one has come to step 9, with a NaN."""
    run = write_run(tmp_path / "run", steps=[*range(1, 4), *range(6, 13)])
    entry = {name: x for name, x in step_metrics(7).items() if name != "actor/entropy"} | {"critic/score/mean": None}
    lines = [{"step": 6, "data": {"val-core/x/acc/mean@1": 0.5}}, {"step": 7, "data": entry}]
    lines += [{"step": step, "data": step_metrics(step)} for step in (8, 9)]
    (run / "metrics-001.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for step in (1, 9, 10):
        write_dump(run, step, [response(step)])
    (loaded,) = load_runs([run])
    assert [x["step"] for x in loaded.dumps.responses] == [1, 9]
    section = overview([loaded])
    drawn = {row["title"]: row["plots"][0]["traces"][0] for row in section["rows"] if row["plots"][0]["traces"]}
    assert drawn["Reward"]["x"] == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert [x for x, y in zip(drawn["Reward"]["x"], drawn["Reward"]["y"], strict=True) if y is None] == [4, 5, 7]
    # What the first attempt logged of step 7 is not the second one's.
    assert [x for x, y in zip(drawn["Entropy"]["x"], drawn["Entropy"]["y"], strict=True) if y is None] == [4, 5, 7]
    assert drawn["Validation accuracy"]["x"] == [6]


@pytest.mark.parametrize("line", ["{", "[]", "7", '{"step":"1","data":{}}', '{"step":1}', '{"step":1,"data":[1]}', "\udcff"])
def test_a_broken_line_is_named(tmp_path, capsys, line):
    path = write_metrics(tmp_path / "run/metrics-000.jsonl", [1, 2])
    first, second = path.read_text().splitlines()
    path.write_text(f"{first}\n{line}\n{second}\n", errors="surrogateescape")
    assert_refused(capsys, [tmp_path / "run"], f"{path}, line 2 is not a step", tmp_path)


def assert_refused(capsys, runs, words, tmp_path, *more):
    assert main([*map(str, runs), "--out", str(tmp_path / "out"), *more]) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert len(captured.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_wrong_folders_and_names(tmp_path, capsys):
    a, b = write_run(tmp_path / "a/run"), write_run(tmp_path / "b/run")
    (tmp_path / "empty").mkdir()
    assert_refused(capsys, [tmp_path / "none"], f"there is no folder {tmp_path / 'none'}", tmp_path)
    assert_refused(capsys, [tmp_path / "empty"], "has no metrics*.jsonl", tmp_path)
    assert_refused(capsys, [a, b], "two runs have the same name (run, run); tell them apart with --name", tmp_path)
    assert_refused(capsys, [a, b], "--name has 1 names for 2 runs", tmp_path, "--name", "x")
    assert_refused(capsys, [a], "--tokens -1", tmp_path, "--tokens", "-1")
    (tmp_path / "empty/metrics.jsonl").touch()
    assert_refused(capsys, [tmp_path / "empty"], "has no finished step yet", tmp_path)
    (tmp_path / "out").touch()
    assert main([str(a), "--out", str(tmp_path / "out")]) == 2
    assert "is a file" in capsys.readouterr().err


def test_config(tmp_path):
    assert flatten({"a": {"b": [1, "x"], "c": {}}, "d": None, "e": "${a.b}"}) == {
        "a.b": '[1, "x"]',
        "a.c": "{}",
        "d": "null",
        "e": "${a.b}",
    }
    one = read_config(write_run(tmp_path / "one", config={"a": 1, "b": {"c": 2}}))
    two = read_config(write_run(tmp_path / "two", config={"b": {"c": 3}, "a": 1, "d": 4}))
    assert one.overrides == ["htpo.difficulty_threshold=0.6"]
    rows = compare([one, None, two])
    assert [(row["key"], row["differs"]) for row in rows] == [("b.c", True), ("d", True), ("a", False)]
    assert [row["values"] for row in rows] == [["2", None, "3"], [None, None, "4"], ["1", None, "1"]]


def test_a_broken_config_is_named(tmp_path, capsys):
    run = write_run(tmp_path / "run")
    path = run / "hydra/.hydra/config.yaml"
    path.write_text("a: 1\nb: [1\n")
    assert_refused(capsys, [run], f"{path} is not valid YAML (line 3)", tmp_path)
    path.write_text("- a\n")
    assert_refused(capsys, [run], "is not a YAML mapping", tmp_path)


def test_a_broken_display_is_named(tmp_path, capsys):
    run = write_run(tmp_path / "run")
    path = run / "display.json"
    path.write_text("{")
    assert_refused(capsys, [run], f"{path} does not say what a method shows: Expecting", tmp_path)
    path.write_text('{"format": 1, "method": "x", "\u202e": 1}')
    assert_refused(capsys, [run], f"{path} does not say what a method shows: its keys are not", tmp_path)
    path.write_text("[" * 100_000)
    assert_refused(capsys, [run], f"{path} does not say what a method shows", tmp_path)


def test_broken_warnings_are_named(tmp_path, capsys):
    run = write_run(tmp_path / "run")
    path = run / "warnings.json"
    for text in ("{", "[1]", '[{"began": 1}]', '[{"began": 1, "text": "x", "\u202e": 1}]', "[" * 100_000):
        path.write_text(text)
        assert_refused(capsys, [run], f"{path} holds no list of warnings; restore it", tmp_path)
    path.write_text('[{"began": "1", "text": "x"}]')
    assert_refused(capsys, [run], f"{path} holds a warning without its step or text", tmp_path)


def test_broken_dumps_are_named(tmp_path, capsys):
    run = write_run(tmp_path / "run")

    def refused(words, *arguments, **options):
        path = write_dump(run, 3, *arguments, **options)
        assert_refused(capsys, [run], f"{path}{words}", tmp_path)
        return path

    refused(" is a token dump of format 2; this version reads format 1", [response()], HTPO | {"format": 2})
    refused(": its token_dump metadata lack 'method'", [response()], HTPO | {"method": 7}, dump_schema())
    write_dump(run, 3, [response()], HTPO | {"method": "other"}, dump_schema())
    assert_refused(capsys, [run], "dumps of the method 'other', and display.json is of 'htpo'", tmp_path)
    refused(" is no token dump", [response()], None)
    refused(": its token_dump metadata lack 'clip_ratio_low'", [response()], HTPO | {"clip_ratio_low": None})
    lacking = dump_schema().remove(dump_schema().get_field_index("ratio"))
    refused(" lacks the column 'ratio'", [response()], schema=lacking)
    place = dump_schema().get_field_index("ratio")
    wrong = dump_schema().set(place, pa.field("ratio", pa.list_(pa.string())))
    refused(": the column 'ratio' is not of the type", [response(ratio=["x"] * 4)], schema=wrong)
    path = refused(": a response to prompt 'p0' has lists of several lengths", [response(ratio=[1.0])])
    path.write_bytes(path.read_bytes()[:-20])
    assert_refused(capsys, [run], f"{path} cannot be read as parquet", tmp_path)


def test_dumps_are_bounded_and_spread_over_the_steps(tmp_path, monkeypatch):
    monkeypatch.setattr(dumps, "STEPS", 4)
    for step in range(1, 11):
        write_dump(tmp_path, step, [response(step, session=i) for i in range(3)])
    found = read_dumps(tmp_path, None, tokens=6 * 4 + 3)
    assert [(x["step"], x["session"]) for x in found.responses] == [(1, 0), (1, 1), (4, 0), (4, 1), (7, 0), (10, 0)]
    assert "6 of 30 dumped responses, from 4 of 10 steps" in found.note
    assert read_dumps(tmp_path, None, tokens=0).responses == []
    monkeypatch.undo()
    assert len(read_dumps(tmp_path, None).responses) == 30
    assert read_dumps(tmp_path, None).note == ""


def test_a_response_without_tokens_or_numbers(tmp_path):
    nan = float("nan")
    odd = response(acc=nan, solve_rate=nan, entropy=[nan, None, float("inf"), 1.0], prompt=None, ground_truth=None)
    write_dump(tmp_path, 1, [response(tokens=()), odd])
    empty, other = read_dumps(tmp_path, None).responses
    assert (empty["tokens"], empty["entropy"]) == (0, None)
    assert (other["acc"], other["solve"], other["entropy"]) == (None, None, 1.0)


def test_hapo_has_sides(tmp_path):
    write_dump(tmp_path, 1, [response(method="hapo")], HAPO)
    found = read_dumps(tmp_path, DISPLAYS["hapo"])
    assert found.responses[0]["groups"] == [1, 2]
    assert found.clip == (0.8, 1.28)


def test_groups_by_number_and_by_borders(tmp_path):
    groups = tuple(Group(name) for name in "abc")
    numbers = response(group=[2, -3, 4, 0])
    write_dump(tmp_path, 1, [numbers])
    assert read_dumps(tmp_path, Display("htpo", groups=groups, grouping=Grouping("group"))).responses[0]["groups"] == [2, 3]
    by_entropy = Display("htpo", groups=groups, grouping=Grouping("entropy", (0.5, 1.75)))
    write_dump(tmp_path, 1, [response(entropy=[0.25, 0.5, 2.0, None])])
    assert read_dumps(tmp_path, by_entropy).responses[0]["groups"] == [1, 3]
    write_dump(tmp_path, 1, [response(entropy=[1.0, 1.75, 1.75, 1.75])])
    assert read_dumps(tmp_path, by_entropy).responses[0]["groups"] == [2]
