"""The page knows no method: what it shows of one is what the run says."""

import json
import re

import pytest

from recipe.insight.__main__ import write_report
from recipe.insight.plots import groups, overview, prompts
from recipe.insight.runs import load_runs
from recipe.token_level.display import Area, Column, Curve, Display, Family, Group, Grouping, Stack
from tests import ROOT
from tests.insight.folders import HTPO, dump_schema, response, write_dump, write_run

METHODS = sorted(path.parent.name for path in (ROOT / "recipe").glob("*/method.py") if path.parent.name != "token_level")

THIRD = Display(
    method="third",
    label="Third Way",
    groups=(Group("rare", "#112233", "#445566"), Group("usual", faint=True)),
    group_word="kind",
    groups_title="Kinds",
    grouping=Grouping("surprise", borders=(1.0,)),
    families=(
        Family("token_share", "Token share", "Of all tokens."),
        Family("weight", "Weight", "Mean.", "number"),
        Family("never", "Never logged", "Nothing."),
    ),
    curves=(
        Curve("third/kept_share", "Kept tokens", "Of all tokens."),
        Curve("third/long_prompt_share", "Long prompts", "Of all prompts.", tab="prompts"),
    ),
    stack=Stack("Kinds of tokens", "Of all.", (Area("both", ("rare", "usual")),)),
    columns=(Column("surprise", "surprise, nats", (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8)), Column("plain", "plain")),
)


@pytest.fixture
def third(tmp_path):
    """A run of a method that no code of this project names: the rare group is empty in step 2."""
    run = tmp_path / "third"
    run.mkdir()
    (run / "display.json").write_text(THIRD.to_json())
    lines = []
    for step in (1, 2, 3):
        data = {"critic/score/mean": 0.5, "third/kept_share": 0.25, "third/long_prompt_share": 0.5}
        data |= {"third/usual/token_share": 0.75, "third/usual/weight": 2.0, "third/usual/loss": 0.5}
        data |= {"third/rare/token_share": 0.25 if step != 2 else 0.0}
        data |= {"third/rare/weight": 3.0, "third/rare/loss": -1.0} if step != 2 else {}
        lines.append(json.dumps({"step": step, "data": data}))
    (run / "metrics-000.jsonl").write_text("\n".join(lines) + "\n")
    schema = dump_schema()
    schema = schema.remove(schema.get_field_index("group"))
    for name in ("surprise", "plain"):
        schema = schema.append(schema.field("entropy").with_name(name))
    row = response(surprise=[0.5, 2.0, 1.0, 1.5], plain=[1.0, 2.0, 3.0, 4.0])
    write_dump(run, 1, [{name: row[name] for name in schema.names}], HTPO | {"method": "third"}, schema)
    return run


def test_no_method_has_a_name_here():
    assert METHODS == ["hapo", "htpo"]
    for path in sorted((ROOT / "recipe/insight").iterdir()):
        if path.is_file():
            assert not re.search("|".join(METHODS), path.read_text(), re.IGNORECASE), path.name


def rows(section):
    return {row["title"]: row for row in section["rows"]}


def curves(row):
    return {trace["key"]: trace["y"] for plot in row["plots"] for trace in plot["traces"]}


def test_a_third_methods_plots_are_those_it_asks_for(third):
    runs = load_runs([third])
    assert (runs[0].method, runs[0].lacks[1:]) == ("Third Way", [])
    section = groups(runs)
    assert [(item["of"], item["label"], item["key"], item["dash"]) for item in section["legend"]] == [
        ("Kinds", "rare", "m0-1", "solid"),
        ("Kinds", "usual", "m0-2", "dash"),
    ]
    found = rows(section)
    assert list(found) == ["Token share", "Weight", "Never logged", "Loss contribution"]
    assert curves(found["Weight"]) == {"m0-1": [3.0, None, 3.0], "m0-2": [2.0] * 3}
    assert (found["Token share"]["format"], found["Weight"]["format"]) == (".1%", ".3~g")
    assert curves(found["Never logged"]) == {}
    assert curves(found["Loss contribution"]) == {"m0-1": [-0.25, None, -0.25], "m0-2": [0.375] * 3}
    assert curves(rows(overview(runs))["Kept tokens"]) == {"run0": [0.25] * 3}
    prompted = rows(prompts(runs))
    assert list(prompted) == ["Long prompts", "Kinds of tokens"]
    assert curves(prompted["Kinds of tokens"]) == {"0/both": [1.0, 0.75, 1.0]}


def test_two_versions_of_a_method_keep_their_own_groups(tmp_path):
    newer = Display("htpo", groups=(Group("hard_correct_low", "#010203"),), families=(Family("loss", "Loss", "Mean."),))
    runs = load_runs([write_run(tmp_path / "a"), write_run(tmp_path / "b", display=newer)])
    section = groups(runs)
    assert {trace["key"] for trace in section["rows"][-2]["plots"][0]["traces"]} == {"m1-1"}
    assert [len(row["plots"]) for row in section["rows"]] == [1] * 8
    html = write_report([tmp_path / "a", tmp_path / "b"], tmp_path / "out").read_text()
    assert "--m0-1: #6fb3de;" in html
    assert "--m1-1: #010203;" in html


def test_a_run_that_says_nothing_of_its_method_has_what_all_methods_have(tmp_path):
    run = write_run(tmp_path / "run", display=None)
    write_dump(run, 1, [response()])
    (found,) = load_runs([run])
    assert (found.method, len(found.lacks)) == ("htpo", 1)
    assert found.lacks[0].startswith("Nothing of a method's own: there is no display.json")
    assert groups([found])["rows"] == []
    assert rows(overview([found]))["Reward"]["plots"][0]["traces"][0]["y"]
    assert found.dumps.responses[0]["groups"] == []


def test_groups_that_were_never_logged_are_said_to_be_missing(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"step":1,"data":{"critic/score/mean":0.5}}\n')
    (tmp_path / "display.json").write_text(THIRD.to_json())
    (found,) = load_runs([tmp_path])
    assert found.lacks[-1] == "No token groups: no metric of the groups of Third Way was logged."


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_third_methods_tokens_in_a_browser(third, tmp_path, visit):
    page = visit(write_report([third], tmp_path / "report"), "tokens")
    page.wait_for_selector("#t-text span")
    assert page.locator("#t-mode option").all_inner_texts() == ["kind", "entropy", "advantage", "ratio", "surprise"]
    assert page.locator("#t-group option").all_inner_texts() == ["any", "rare", "usual"]
    colors = page.locator("#t-text span").evaluate_all("spans => spans.map(span => span.style.getPropertyValue('--c'))")
    assert colors == ["var(--m0-1)", "var(--m0-2)", "var(--m0-1)", "var(--m0-2)"]  # at the border: the lower group
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--m0-1').trim()") == "#112233"
    assert "rare: 2" in page.inner_text("#t-key")
    assert page.locator("#t-key .negative").count() == 0
    page.hover("#t-text span >> nth=1")
    tip = page.inner_text("#tip")
    for name, value in (("kind", "2 usual"), ("surprise, nats", "2.000"), ("plain", "2.000")):
        assert f"{name}\n{value}" in tip
    page.select_option("#t-mode", label="surprise")
    assert "surprise, nats:" in page.inner_text("#t-key")
    page.emulate_media(color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--m0-1').trim()") == "#445566"
    page.click("#tab-groups")
    page.wait_for_function("() => document.querySelector('#groups .plot')?.data")
    lines = page.evaluate("document.querySelector('#groups .plot').data.map(trace => trace.line.color)")
    assert lines[0] == "#445566"
    assert re.fullmatch("#[0-9a-f]{6}", lines[1])  # one of the page's own


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_tokens_without_groups_in_a_browser(tmp_path, visit):
    run = write_run(tmp_path / "run", display=None)
    write_dump(run, 1, [response()])
    page = visit(write_report([run], tmp_path / "report"), "tokens")
    page.wait_for_selector("#t-text span.outside")
    assert page.locator("#t-group").is_hidden()
    assert page.locator("#t-mode option").all_inner_texts() == ["entropy", "advantage", "ratio"]
    page.hover("#t-text span >> nth=1")
    assert "importance ratio\n1.4000 outside" in page.inner_text("#tip")
