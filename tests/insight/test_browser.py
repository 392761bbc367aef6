"""The page in a real browser. The fixture `visit` also checks that there was no error, no dialog and no request."""

import json
import subprocess
import sys
import threading

import pytest

from recipe.files.warned import Warned, write_warnings
from recipe.insight.__main__ import main, write_report
from recipe.insight.page import page
from recipe.insight.runs import load_runs
from recipe.insight.serve import make_server, state_of
from tests import ROOT
from tests.insight.folders import HTPO, response, write_dump, write_run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TRACES = "tab => [...document.querySelectorAll(`#${tab} .plot`)].map(plot => plot.data.length)"

FITTING = """() => [...document.querySelectorAll("#overview .plot")].every(plot =>
    Math.abs(plot.querySelector(".main-svg").clientWidth - plot.clientWidth) < 3)"""
# Milliseconds until the colours stand; the 54th longest of 60 frames of scrolling through the text.
RECOLOUR = """mode => {
    const start = performance.now(), select = document.querySelector("#t-mode");
    select.value = mode;
    select.dispatchEvent(new Event("change"));
    document.querySelector("#t-text").offsetHeight;
    return performance.now() - start;
}"""
SCROLL = """async () => {
    const text = document.querySelector("#t-text"), frames = [];
    for (let i = 0, last = performance.now(); i < 60; i++, last = performance.now()) {
        text.scrollTop += text.scrollHeight / 60;
        await new Promise(requestAnimationFrame);
        frames.push(performance.now() - last);
    }
    return frames.sort((a, b) => a - b)[53];
}"""


def open_tab(page, tab):
    page.click(f"#tab-{tab}")
    page.wait_for_function("tab => [...document.querySelectorAll(`#${tab} .plot`)].every(plot => plot.data)", arg=tab)


def titles(page, tab):
    return page.locator(f"#{tab} .row h2").all_text_contents()


def test_each_plot_has_its_traces(report, visit):
    page = visit(report)
    open_tab(page, "overview")
    assert titles(page, "overview")[:4] == ["Reward", "Validation accuracy", "Entropy", "Response length"]
    assert page.evaluate(TRACES, "overview") == [4] * 6
    assert page.evaluate("[...document.querySelector('#overview .plot').data[0].x].length") == 40
    colors = page.evaluate("document.querySelector('#overview .plot').data.map(trace => trace.line.color)")
    assert len(set(colors)) == 4
    open_tab(page, "groups")
    assert page.evaluate(TRACES, "groups") == [8] * 15 + [2] * 4  # five rows of three runs with HTPO, four with HAPO's
    open_tab(page, "prompts")
    assert page.evaluate(TRACES, "prompts") == [3, 3, 4, 4, 4]
    assert "hapo: no metrics of prompts were logged beside" in page.inner_text("#prompts")
    open_tab(page, "time")
    assert page.evaluate(TRACES, "time") == [4] + [7] * 4
    sums = "[...Array(40).keys()].map(i => document.querySelectorAll('#time .plot')[1].data.reduce((s, t) => s + t.y[i], 0))"
    assert page.evaluate(sums)[18:21] == [60, 85, 60]  # the seconds of a step, and of testing at step 20


TICKS = """section => Object.fromEntries([...document.querySelectorAll(`#${section} .row`)].map(row =>
    [row.querySelector("h2").textContent, [...row.querySelectorAll(".ytick text")].map(tick => tick.textContent)]))"""


def test_ticks_have_as_many_digits_as_tell_them_apart(tmp_path, visit):
    """Of a short run most curves span little: two steps whose values differ in a late digit."""
    run = write_run(tmp_path / "run", steps=(1, 2))
    near = {"response_length/mean": (2.1, 3.2), "actor/entropy": (1.2034, 1.2038), "response_length/clip_ratio": (0.5, 0.5004)}
    near |= {"critic/score/mean": (0.2, 0.9), "actor/grad_norm": (1000.0, 4000.0), "perf/throughput": (15_000.0, 15_040.0)}
    lines = [json.dumps({"step": step, "data": {k: x[step - 1] for k, x in near.items()}}) for step in (1, 2)]
    (run / "metrics-001.jsonl").write_text("\n".join(lines) + "\n")
    page = visit(write_report([run], tmp_path / "report"))
    open_tab(page, "overview")
    ticks = page.evaluate(TICKS, "overview")
    open_tab(page, "time")
    ticks["Throughput"] = page.evaluate(TICKS, "time")["Throughput"]
    assert len(ticks) == 6
    for title, texts in ticks.items():
        assert len(texts) >= 2, title
        assert len(set(texts)) == len(texts), (title, texts)
    assert ticks["Reward"] == ["0.2", "0.4", "0.6", "0.8"]
    assert ticks["Gradient norm"] == ["1,000", "2,000", "3,000", "4,000"]
    assert {len(text) for text in ticks["Longest responses"]} == {len("50.00%"), len("50%")}
    page.click("#tab-overview")
    page.evaluate("Plotly.relayout(document.querySelectorAll('#overview .plot')[0], {'yaxis.range': [0.5, 0.5003]})")
    page.wait_for_function("() => document.querySelector('#overview .plot').textContent.includes('0.5001')")
    zoomed = page.evaluate(TICKS, "overview")["Reward"]
    assert len(set(zoomed)) == len(zoomed)


def test_the_legend_hides_a_run_and_a_zoom_is_a_zoom_of_all(report, visit):
    page = visit(report)
    open_tab(page, "overview")
    page.click("#overview .legend button >> nth=1")
    page.wait_for_function("() => [...document.querySelectorAll('#overview .plot')].every(p => p.data[1].visible === false)")
    box = page.locator("#overview .plot .nsewdrag").nth(2).bounding_box()
    x, y = [box["x"] + box["width"] * part for part in (0.25, 0.5)], box["y"] + box["height"] / 2
    page.mouse.move(x[0], y)
    page.mouse.down()
    page.mouse.move(x[1], y, steps=5)
    page.mouse.up()
    page.wait_for_function("() => [...document.querySelectorAll('#overview .plot')].every(p => p.layout.xaxis.range[1] < 25)")
    ends = page.evaluate("[...document.querySelectorAll('#overview .plot')].map(p => String(p.layout.xaxis.range))")
    assert len(set(ends)) == 1


def test_what_is_missing_is_said(report, visit):
    text = visit(report).inner_text("#overview")
    assert "bare: No configuration" in text
    assert "bare: No token view" in text
    assert "htpo: No" not in text


def test_warnings_are_shown_with_their_steps(tmp_path, visit):
    for name, warned in (
        ("sick", [Warned(5, "entropy is low", 12), Warned(24, "<b>long</b>")]),
        ("sound", []),
        ("older", None),
    ):
        run = write_run(tmp_path / name)
        if warned is not None:
            write_warnings(run, warned)
    main([*(str(tmp_path / name) for name in ("sick", "sound", "older")), "--out", str(tmp_path / "report")])
    card = visit(tmp_path / "report/index.html").locator("#warnings")
    assert card.locator("tbody tr").all_inner_texts() == ["sick\t5\t12\tentropy is low", "sick\t24\tnot over\t<b>long</b>"]
    assert card.locator("p").all_inner_texts() == ["sound: none."]


def test_the_configuration_shows_what_differs_and_can_be_searched(report, visit):
    page = visit(report)
    open_tab(page, "config")
    rows = page.locator("#differences tbody tr").all_inner_texts()
    assert "htpo.difficulty_threshold\t0.6\t0.5\t0.6\t\u2014" in rows
    whole = page.locator("#whole tbody tr:visible")
    assert whole.count() == 5
    page.fill("#config input", "ENCOURAGE")
    assert whole.count() == 1
    assert "htpo.difficulty_threshold=0.6" in page.inner_text("#overrides")


def test_the_theme_follows_the_system(report, visit):
    page = visit(report)
    font = "document.querySelector('#overview .plot').layout.font.color"
    light = page.evaluate(font)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"() => {font} !== {light!r}")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 21, 27)"


def test_a_plot_keeps_its_size_while_it_is_hidden(report, visit):
    page = visit(report)
    open_tab(page, "overview")
    open_tab(page, "config")
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 1000, "height": 5000})
    page.wait_for_timeout(300)
    open_tab(page, "overview")
    page.wait_for_function(FITTING)


def test_the_readmes_picture(tmp_path, chromium):
    run, script = write_run(tmp_path / "run"), ROOT / "launch/demo/screenshot.py"
    write_dump(run, 1, [response()])
    for tab in ("groups", "tokens"):
        image = tmp_path / f"{tab}.png"
        subprocess.run([sys.executable, script, run, "--out", image, "--tab", tab], check=True)
        assert image.read_bytes().startswith(b"\x89PNG")
    wrong = subprocess.run([sys.executable, script, tmp_path, "--out", tmp_path / "x.png"], capture_output=True, text=True)
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("error: ")


def test_long_runs_and_long_responses(tmp_path, visit):
    runs = [write_run(tmp_path / f"run{i}", range(1, 10_001), shift=i / 50) for i in range(3)]
    words = (" so", " x", " =", " 4", ".\n")
    long = response(tokens=[words[i % 5] for i in range(20_000)])
    write_dump(runs[0], 1, [long, response()], HTPO)
    page = visit(write_report(runs, tmp_path / "report"))
    ready = int(page.get_attribute("html", "data-ready"))
    assert "Long curves are thinned" in page.inner_text("#overview")
    start = page.evaluate("performance.now()")
    page.click("#tab-tokens")
    page.wait_for_function("() => document.querySelectorAll('#t-text span').length === 20000")
    shown = page.evaluate("performance.now()") - start
    coloured = page.evaluate(RECOLOUR, "entropy")
    frame = page.evaluate(SCROLL)
    print(f"ready {ready} ms; 20,000 tokens: shown {shown:.0f} ms, coloured {coloured:.0f} ms, slow frame {frame:.0f} ms")
    assert ready < 30_000  # the aim of 3 s is for an idle machine
    page.focus("#t-text")
    page.keyboard.press("End")
    assert "Token 20000 of 20000" in page.inner_text("#t-here")


def test_a_served_page_says_when_the_run_has_gone_on(tmp_path, chromium):
    run = write_run(tmp_path / "run", steps=(1, 2))
    server, address = make_server([run], lambda state: page(load_runs([run]), state), 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        errors, tab = [], chromium.new_page()
        tab.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.goto(address)
        tab.wait_for_selector("#overview .plot")
        assert tab.locator("#served button").is_hidden()
        with (run / "metrics-001.jsonl").open("a") as file:
            file.write(json.dumps({"step": 3, "data": {"critic/score/mean": 0.9}}) + "\n")
        tab.locator("#served button").click(timeout=20_000)  # waits until it is shown
        tab.wait_for_function("state => document.body.dataset.state === state", arg=state_of([run]), timeout=20_000)
        assert [error for error in errors if "favicon" not in error and "404" not in error] == []
    finally:
        server.shutdown()
        server.server_close()
