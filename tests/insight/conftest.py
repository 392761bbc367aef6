"""A headless Chromium that watches the pages it opens, and a page for it."""

import shutil
from types import SimpleNamespace

import pytest

from recipe.insight.__main__ import write_report
from tests.insight.folders import CONFIG, HAPO, response, write_dump, write_run

# Every plot of a section fits in it, so that all are drawn.
TALL = {"width": 1400, "height": 5000}


@pytest.fixture(scope="module")  # no longer: its event loop runs in this thread, and asyncio.run refuses to start another
def chromium():
    sync_api = pytest.importorskip("playwright.sync_api", reason="the Python package playwright is not installed")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("there is no chromium; on Debian: apt-get install --no-install-recommends chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium):
    """Open a file; afterwards no page may have had an error, a dialog, or a request but for the file itself."""
    context = chromium.new_context(viewport=TALL)
    seen = SimpleNamespace(errors=[], dialogs=[], requests=[])

    def refuse_dialog(dialog):
        seen.dialogs.append(dialog.message)
        dialog.dismiss()

    def visited(path, tab="overview"):
        page = context.new_page()
        page.on("console", lambda message: seen.errors.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: seen.errors.append(str(error)))
        page.on("dialog", refuse_dialog)
        page.on("request", lambda request: seen.requests.append(request.url))
        page.goto(f"{path.as_uri()}#{tab}")
        page.wait_for_selector("html[data-ready]", timeout=60_000)
        page.seen = seen
        return page

    yield visited
    context.close()
    assert seen.errors == []
    assert seen.dialogs == []
    assert [url for url in seen.requests if not url.startswith(("file:", "data:", "blob:"))] == []
    assert len([url for url in seen.requests if url.startswith("file:")]) <= 1


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Two runs with HTPO, one with HAPO, one with neither config nor dumps."""
    base = tmp_path_factory.mktemp("runs")
    htpo = write_run(base / "htpo")
    write_dump(htpo, 1, [response(1), response(1, acc=0.0), response(1, solve_rate=0.75, acc=1.0, tokens=("a", "b"))])
    write_dump(htpo, 9, [response(9, solve_rate=1.0), response(9, acc=0.0, solve_rate=0.0)])
    write_run(base / "other", config=CONFIG | {"htpo": {"difficulty_threshold": 0.5}}, shift=0.1)
    hapo = write_run(base / "hapo", method="hapo")
    write_dump(hapo, 5, [response(5, method="hapo")], HAPO)
    write_run(base / "bare", config=None)
    return write_report([base / name for name in ("htpo", "other", "hapo", "bare")], base / "report")
