"""The page as text, without a browser."""

import base64
import gzip
import hashlib
import json
import re
import sys

import numpy as np
import pytest

from recipe.files.warned import Warned, write_warnings
from recipe.insight.__main__ import main
from recipe.insight.plots import groups, overview, prompts, times
from recipe.insight.runs import load_runs
from tests.insight.folders import response, write_dump, write_run


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path / "run")


def scripts(html):
    return re.findall(r"<script([^>]*)>(.*?)</script>", html, re.DOTALL)


def test_one_file_whose_policy_names_its_scripts(run, tmp_path, capsys):
    write_dump(run, 1, [response(), response(tokens=("a",))])
    assert main([str(run), "--out", str(tmp_path / "report")]) == 0
    assert [path.name for path in (tmp_path / "report").iterdir()] == ["index.html"]
    assert str(tmp_path / "report/index.html") in capsys.readouterr().out
    html = (tmp_path / "report/index.html").read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html).group(1)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    found = scripts(html)
    running = [text for attributes, text in found if not attributes]
    assert len(running) == 4
    for text in running:
        assert f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" in policy
    assert "@@" not in html.replace(running[0], "")

    data, packed = found[0][1], found[1][1].split("\n")
    listed = json.loads(data)["tokens"][0]["responses"]
    assert [x["tokens"] for x in listed] == [4, 1]
    tokens = json.loads(gzip.decompress(base64.b64decode(packed[0])))
    assert tokens["t"] == ["so", " 4", "2", "\n"]
    assert tokens["g"] == [-1, 2, 1, 1]
    assert tokens["e"] == [0.02, 1.7, 0.02, 0.02]


def test_the_same_runs_give_the_same_page(run, tmp_path):
    write_dump(run, 1, [response()])
    for name in ("one", "two"):
        main([str(run), "--out", str(tmp_path / name)])
    assert (tmp_path / "one/index.html").read_bytes() == (tmp_path / "two/index.html").read_bytes()


def test_the_steps_in_which_warnings_began_and_were_over(run, tmp_path):
    other = write_run(tmp_path / "other")
    write_warnings(run, [Warned(5, "entropy \u202eis low", 12), Warned(24, "<b>long</b>")])
    write_warnings(other, [])
    main([str(run), str(other), str(write_run(tmp_path / "from before")), "--out", str(tmp_path / "report")])
    html = (tmp_path / "report/index.html").read_text()
    found = [one["warnings"] for one in json.loads(scripts(html)[0][1])["runs"]]
    assert found == [
        [
            {"began": 5, "text": "entropy \u27e8U+202E\u27e9is low", "over": 12},
            {"began": 24, "text": "<b>long</b>", "over": None},
        ],
        [],
        None,
    ]
    assert "...warnings()" in scripts(html)[-1][1]


def test_without_plotly_it_says_so(run, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly", None)
    assert main([str(run), "--out", str(tmp_path / "report")]) == 2
    assert "plotly" in capsys.readouterr().err
    assert not (tmp_path / "report").exists()


def rows(section):
    return {row["title"]: row for row in section["rows"]}


def test_contributions_are_share_times_loss(run):
    plot = rows(groups(load_runs([run])))["Loss contribution"]["plots"][0]
    assert [trace["key"] for trace in plot["traces"]] == [f"m0-{i}" for i in range(1, 9)]
    assert plot["traces"][3]["y"][0] == pytest.approx(-0.4 / 8)


def test_an_empty_group_leaves_a_gap(run):
    entropy = rows(groups(load_runs([run])))["Entropy"]["plots"][0]["traces"]
    assert entropy[6]["y"] == [None] * 9 + [0.7] * 31
    assert entropy[5]["y"] == [0.6] * 40


def test_phases_add_up_to_the_step_and_testing_comes_on_top(run):
    section = times(load_runs([run]))
    traces = {trace["key"]: np.array(trace["y"]) for trace in rows(section)["Time of a step"]["plots"][0]["traces"]}
    assert list(traces) == ["gen", "old_log_prob", "adv", "update_actor", "update_weights", "other", "testing"]
    assert traces["other"][0] == 3  # token_partition is a part of adv and not counted again
    assert sum(traces.values())[[18, 19]].tolist() == [60, 85]


def test_quadrants_are_shares_of_all_tokens(run):
    plot = rows(prompts(load_runs([run])))["Tokens by difficulty and verdict"]["plots"][0]
    assert np.sum([trace["y"] for trace in plot["traces"]], axis=0) == pytest.approx(np.ones(40))
    assert plot["range"] == [0, 1]


def test_a_hapo_run_has_what_it_logged_of_prompts(tmp_path):
    run = write_run(tmp_path / "hapo", method="hapo")
    (run / "metrics-001.jsonl").write_text('{"step":1,"data":{"rollouts/acc":0.25}}\n')
    section = prompts(load_runs([run]))
    assert list(rows(section)) == ["Right answers of all rollouts"]
    assert section["notes"] == ["hapo: no metrics of prompts were logged beside those that all methods have."]


def test_plots_of_a_row_share_their_axis(tmp_path):
    folders = [write_run(tmp_path / name, shift=shift) for name, shift in (("a", 0), ("b", 1))]
    section = groups(load_runs(folders))
    for row in section["rows"]:
        assert row["plots"][0]["range"] == row["plots"][1]["range"]
    assert section["notes"] == []


def test_a_run_of_another_kind_has_its_page(tmp_path):
    (tmp_path / "grpo").mkdir()
    (tmp_path / "grpo/metrics.jsonl").write_text('{"step":1,"data":{"critic/score/mean":0.5}}\n')
    (found,) = load_runs([tmp_path / "grpo"])
    assert len(found.lacks) == 3
    assert rows(overview([found]))["Reward"]["plots"][0]["traces"][0]["y"] == [0.5]
    assert list(rows(times([found]))) == ["Throughput"]
    assert groups([found])["notes"] == ["There are no token groups to show: no run logged any that its display.json names."]
    assert main([str(tmp_path / "grpo"), "--out", str(tmp_path / "report")]) == 0
