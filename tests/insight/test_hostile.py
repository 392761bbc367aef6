"""Text of others is shown as text, and nothing but the page's own scripts runs or loads."""

import base64
import dataclasses
import gzip
import json
import re
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recipe.htpo import display as htpo
from recipe.insight.__main__ import main, write_report
from recipe.insight.dumps import read_dumps
from recipe.insight.page import island
from recipe.token_level.display import Area, Curve, Family, Grouping
from tests.insight.folders import response, verdict, write_dump, write_run, write_verdicts

EVIL = '<img src=x onerror="alert(1)"></script><script>alert(2)</script><!--<script>&lt;b&gt; <b>%{x}</b> @@data@@ ${x} `'
HIDDEN = "\u202e\u2028\x00\x1b\u200f"
SHOWN = EVIL + "⟨U+202E⟩⟨U+2028⟩⟨U+0000⟩⟨U+001B⟩⟨U+200F⟩"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    base = tmp_path_factory.mktemp("hostile")
    text = EVIL + HIDDEN
    display = htpo.DISPLAY
    first = dataclasses.replace(display.groups[0], name=text)
    stack = dataclasses.replace(display.stack, areas=(Area(text, (text, "hard_wrong_high")),))
    display = dataclasses.replace(
        display,
        label=text,
        groups=(first, *display.groups[1:]),
        groups_title=text,
        stack=stack,
        families=(Family("token_share", text, text),),
        curves=(Curve("htpo/correct_share", text, text, tab="prompts"),),
        grouping=Grouping("group", negative=text),
    )
    runs = [
        write_run(base / f"run{i}", config={text: {f"{i}": text}, "common": text}, overrides=[f"x={text}"], display=display)
        for i in range(2)
    ]
    names = [f"critic/score/mean{text}", f"val-core/{text}/acc/mean@4", "val-core/a/acc/mean@4"]
    more = json.dumps({"step": 41, "data": dict.fromkeys(names, 0.5)}) + "\n"
    for run in runs:
        (run / "metrics-001.jsonl").write_text(more)
    odd = response(tokens=[text, "\u05e9\u05dc\u05d5\u05dd", " \u202e", "\n"], prompt=text, ground_truth=text, data_source=text)
    write_dump(runs[0], 1, [odd | {"prompt_id": text}])
    texts = dict.fromkeys(
        ("data_source", "ground_truth", "pred", "details", "prompt", "response_end"), "the end of " + text.replace("\x00", "")
    )
    kind = {"format": 1, "responses": 1, "disagreements": {text: 1}}
    write_verdicts(runs[0], 1, [verdict(disagreement=text, **texts)], kind)
    return write_report(runs, base / "report", names=[text, text + "2"])


def test_the_files_own_elements_are_all_there_are(report):
    html = report.read_text(encoding="utf-8")
    assert len(re.findall("<script", html, re.IGNORECASE)) == len(re.findall("</script", html, re.IGNORECASE)) == 6
    assert "<img src=x" not in html
    data = json.loads(re.search('id="data">(.*?)</script>', html).group(1))
    assert not set(HIDDEN) & set(json.dumps(data, ensure_ascii=False))
    assert "onerror" in json.dumps(data)
    assert "unsafe-eval" not in html.partition("</head>")[0]


def test_an_island_cannot_be_left():
    assert "<" not in island({"a": EVIL})
    assert json.loads(island({"a": EVIL})) == {"a": EVIL}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_hostile_text_is_shown_as_text(report, visit):
    page = visit(report)
    for tab in ("overview", "groups", "prompts", "time", "config", "verdicts", "tokens"):
        page.click(f"#tab-{tab}")
        page.wait_for_function("tab => [...document.querySelectorAll(`#${tab} .plot`)].every(plot => plot.data)", arg=tab)
    page.wait_for_selector("#t-text span")
    assert page.locator("img, main script, main b, main a[href^='http'], iframe, object").count() == 0
    assert page.evaluate("document.scripts.length") == 6
    text = page.evaluate("document.getElementById('main').textContent")
    assert not set(HIDDEN) & set(text)
    assert SHOWN in page.text_content("#overview table")
    assert f"{SHOWN}/acc/mean@4" in page.text_content("#overview")
    assert f"{SHOWN}.0" in page.text_content("#differences")
    assert f"x={SHOWN}" in page.text_content("#overrides")
    for tab in ("groups", "prompts"):
        assert SHOWN in page.text_content(f"#{tab} .row h2 >> nth=0")
        assert SHOWN in page.text_content(f"#{tab} .legends")
    assert page.text_content("#verdicts tbody td >> nth=0") == SHOWN
    assert page.text_content("#verdicts tbody td >> nth=1").startswith("the end of " + EVIL)
    assert EVIL in page.text_content("#verdicts details")
    assert SHOWN in page.text_content("#verdicts option >> nth=1")
    assert SHOWN in page.text_content("#t-group")
    assert SHOWN in page.text_content("#t-key .negative")
    assert EVIL in page.text_content("#t-list")
    assert page.text_content("#t-text span >> nth=0") == SHOWN
    assert page.text_content("#t-text span >> nth=2") == " ⟨U+202E⟩"
    assert f"Right answer: {SHOWN}" in page.text_content("#t-about")
    page.hover("#t-text span >> nth=0")
    assert json.loads(page.text_content("#tip code")) == SHOWN


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_plots_hover_shows_hostile_names_as_text(report, visit):
    page = visit(report)
    page.wait_for_function("() => document.querySelector('#overview .plot').data")
    box = page.locator("#overview .plot .nsewdrag").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector("#overview .plot .hoverlayer .legendtext, #overview .plot .hoverlayer text")
    page.wait_for_function("() => document.querySelector('#overview .hoverlayer').textContent.includes('onerror')")
    assert EVIL in page.text_content("#overview .hoverlayer")
    assert page.locator("#overview .hoverlayer :is(img, script, b, a)").count() == 0


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_nothing_else_may_run_or_load(report, visit):
    page = visit(report)
    page.evaluate("window.refused = []; addEventListener('securitypolicyviolation', e => refused.push(e.effectiveDirective))")
    page.evaluate("fetch('http://127.0.0.1:9/').catch(() => {})")
    page.evaluate("{ const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s) }")
    page.evaluate("{ const i = document.createElement('img'); i.src = 'http://127.0.0.1:9/x.png'; document.body.append(i) }")
    page.evaluate("{ const d = document.createElement('div'); d.setAttribute('onclick', 'window.ran = 1'); d.click() }")
    page.wait_for_function("() => refused.length >= 4")
    assert set(page.evaluate("refused")) == {"connect-src", "script-src-elem", "script-src-attr", "img-src"}
    assert page.evaluate("window.ran") is None
    page.seen.errors.clear()  # the refusals, which the browser logs
    page.seen.requests[:] = [url for url in page.seen.requests if url.startswith("file:")]


@pytest.mark.parametrize("name", ["config.yaml", "overrides.yaml"])
@pytest.mark.parametrize("text", ["laughs", "deep", "deep block"])
def test_a_hostile_configuration_is_one_sentence_and_soon(tmp_path, capsys, name, text):
    laughs = "- &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"- &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    texts = {"laughs": laughs, "deep": f"a: {'[' * 20_000}{']' * 20_000}", "deep block": "- " * 20_000}
    run = write_run(tmp_path / "run")
    path = run / "hydra/.hydra" / name
    path.write_text(texts[text])
    start = time.process_time()
    assert main([str(run), "--out", str(tmp_path / "report")]) == 2
    assert time.process_time() - start < 5
    error = capsys.readouterr().err
    assert error.startswith(f"error: {path} ")
    assert len(error) < 500


@pytest.mark.parametrize("name", ["metrics-000.jsonl", "display.json", "warnings.json"])
def test_other_files_of_a_run_that_are_20000_deep_are_one_sentence(tmp_path, capsys, name):
    run = write_run(tmp_path / "run")
    next(iter(run.glob(name)), run / name).write_text(f'{{"step": 1, "data": {"[" * 20_000}{"]" * 20_000}}}\n')
    assert main([str(run), "--out", str(tmp_path / "report")]) == 2
    assert len(capsys.readouterr().err) < 500


def test_dumps_whose_metadata_are_20000_deep_are_one_sentence(tmp_path, capsys):
    run = write_run(tmp_path / "run")
    for kind, key in (("step", b"token_dump"), ("verdicts", b"verdicts")):
        file = run / f"tokens/{kind}_1.parquet"
        file.parent.mkdir(exist_ok=True)
        schema = pa.schema([("step", pa.int32())], metadata={key: b"[" * 20_000})
        pq.write_table(pa.table({"step": pa.array([1], pa.int32())}, schema=schema), file)
        assert main([str(run), "--out", str(tmp_path / "report")]) == 2
        assert len(capsys.readouterr().err) < 500
        file.unlink()


def test_an_error_that_quotes_a_run_cannot_command_the_terminal(tmp_path, capsys):
    folder = tmp_path / "a\x1b]0;owned\x07"
    assert main([str(folder), "--out", str(tmp_path / "report")]) == 2
    error = capsys.readouterr().err
    assert "⟨U+001B⟩]0;owned⟨U+0007⟩" in error
    assert "\x1b" not in error


def test_the_page_masks_secrets_of_the_configuration_and_is_its_owners_alone(tmp_path):
    hf = "hf_" + "a1" * 17
    config = {"trainer": {"wandb_key": "abcd-1", "note": f"with {hf}"}, "judge": {"headers": {"Authorization": "abcd-2"}}}
    overrides = ["+trainer.wandb_key=abcd-1", "trainer.experiment_name=mine", f"x={hf}"]
    run = write_run(tmp_path / "run", config=config, overrides=overrides)
    page = write_report([run], tmp_path / "report")
    html = page.read_text(encoding="utf-8")
    assert not [secret for secret in ("abcd-1", "abcd-2", "a1a1") if secret in html]
    assert "trainer.experiment_name=mine" in html
    assert "+trainer.wandb_key=***" in html
    assert page.stat().st_mode & 0o777 == 0o600


def test_every_invisible_character_of_a_token_has_its_name(tmp_path):
    hidden = "\u202e\u2066\u200b\u200d\u2060\U000e0041\ufe0f\U000e0100\u115f\u3164\u2800\u00a0"
    run = write_run(tmp_path / "run")
    write_dump(run, 1, [response(tokens=[f"a{hidden}"], prompt="p", ground_truth="1", data_source="d")])
    packed = read_dumps(run, None).packed[0]
    tokens = json.loads(gzip.decompress(base64.b64decode(packed)))["t"]
    assert tokens == ["a" + "".join(f"⟨U+{ord(one):04X}⟩" for one in hidden)]
