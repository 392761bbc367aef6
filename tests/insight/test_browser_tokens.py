"""The token view in a real browser."""

import pytest

from recipe.htpo.objectives import GROUPS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

STYLES = "spans => spans.map(span => getComputedStyle(span).backgroundColor)"


def test_tokens_can_be_filtered_and_coloured(report, visit):
    page = visit(report, "tokens")
    listed, spans = page.locator("#t-list button"), page.locator("#t-text span")
    assert listed.count() == 5
    assert page.inner_text("#t-text").startswith("so 42")

    page.select_option("#t-acc", "0")
    assert listed.count() == 2
    page.select_option("#t-solved", "none")
    assert listed.all_inner_texts()[0].startswith("step 9 \u00b7 \u2717 wrong \u00b7 4 tokens")
    page.select_option("#t-acc", "")
    page.select_option("#t-solved", "")
    page.select_option("#t-step", "1")
    assert listed.count() == 3
    page.select_option("#t-group", label="hard correct high")
    assert listed.count() == 1
    page.wait_for_function("() => document.querySelectorAll('#t-text .dim').length === 3")
    page.select_option("#t-group", "")
    page.wait_for_selector("#t-text span.outside")

    by_group = spans.evaluate_all(STYLES)
    assert by_group[0] == by_group[2] == by_group[3] != by_group[1]
    assert spans.nth(0).get_attribute("class") == "negative"
    assert "detached" in page.inner_text("#t-key")
    assert spans.nth(1).get_attribute("class") == "outside"
    shades = {"group": by_group}
    for mode in ("entropy", "advantage", "ratio"):
        page.select_option("#t-mode", mode)
        shades[mode] = spans.evaluate_all(STYLES)
        assert mode.replace("ratio", "importance ratio") in page.inner_text("#t-key")
    assert shades["entropy"][0] != shades["entropy"][1]
    assert len(set(shades["advantage"])) == 1
    assert shades["ratio"][0] != shades["ratio"][1]

    page.select_option("#t-solved", "none")
    assert "No response passes these filters" in page.inner_text("#tokens")


def test_hapo_is_coloured_by_side_and_score(report, visit):
    page = visit(report, "tokens")
    page.select_option("#t-run", label="hapo")
    page.wait_for_function("() => document.querySelector('#t-key').textContent.includes('high entropy: 1')")
    assert page.locator("#t-mode option").all_inner_texts() == ["side", "entropy", "advantage", "ratio", "score"]
    page.select_option("#t-mode", label="score")
    assert len(set(page.locator("#t-text span").evaluate_all(STYLES))) == 2
    page.hover("#t-text span >> nth=1")
    assert "HAPO score\n0.800" in page.inner_text("#tip")


def test_a_tokens_numbers_by_mouse_and_keyboard(report, visit):
    page = visit(report, "tokens")
    page.hover("#t-text span >> nth=1")
    tip = page.inner_text("#tip")
    assert '" 4"' in tip
    for name, value in (
        ("group", "2 hard correct high"),
        ("entropy, nats", "1.700"),
        ("advantage", "1.500"),
        ("importance ratio", "1.4000 outside"),
        ("old log-prob", "-1.700"),
    ):
        assert f"{name}\n{value}" in tip
    page.mouse.move(5, 5)
    assert page.locator("#tip").is_hidden()

    page.focus("#t-text")
    here = "[...document.querySelectorAll('#t-text span')].findIndex(span => span.classList.contains('here'))"
    for key, place in (("ArrowRight", 0), ("ArrowRight", 1), ("End", 3), ("ArrowRight", 3), ("ArrowLeft", 2), ("Home", 0)):
        page.keyboard.press(key)
        assert page.evaluate(here) == place
    assert "1 hard correct low, detached" in page.inner_text("#t-here")
    page.select_option("#t-group", label=GROUPS[1].replace("_", " "))
    page.wait_for_function("() => document.querySelectorAll('#t-text .dim').length === 3")
    page.focus("#t-text")
    page.keyboard.press("n")
    assert page.evaluate(here) == 1
    page.select_option("#t-group", "")
    page.focus("#t-text")
    page.keyboard.press("j")
    page.wait_for_function("() => document.querySelector('#t-about h2').textContent.includes('wrong')")
    page.click("#t-list button >> nth=1")
    page.keyboard.press("ArrowDown")
    page.wait_for_function("() => document.querySelector('#t-text').textContent === 'ab'")
    page.focus("#tab-tokens")
    page.keyboard.press("ArrowRight")
    assert page.locator("#overview").is_visible()
