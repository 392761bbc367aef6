"""Make the README's picture of the insight page, from runs that have been trained.

    python launch/demo/screenshot.py RUN [RUN ...] --out docs/insight.png [--tab tokens]

Needs Chromium (Debian: apt-get install --no-install-recommends chromium) and the Python package playwright.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from recipe.insight.__main__ import write_report  # noqa: E402

TABS = ("overview", "groups", "prompts", "time", "config", "verdicts", "tokens")


def screenshot(page: Path, tab: str, image: Path) -> None:
    """Write a PNG of the page's tab. ValueError if there is no browser."""
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        raise ValueError("the Python package playwright is missing; pip install playwright") from None
    program = shutil.which("chromium")
    if program is None:
        raise ValueError("there is no chromium; on Debian: apt-get install --no-install-recommends chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": 1280, "height": 860})
        opened.goto(f"{page.resolve().as_uri()}#{tab}")
        opened.wait_for_selector("html[data-ready]")
        opened.wait_for_timeout(500)  # the plots fade in
        if tab == "tokens":
            opened.hover("#t-text span")
        image.parent.mkdir(parents=True, exist_ok=True)
        opened.screenshot(path=image)
        browser.close()


def main() -> int:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--out", required=True, type=Path, metavar="PNG")
    parser.add_argument("--tab", choices=TABS, default="groups")
    given = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as folder:
            screenshot(write_report(given.runs, Path(folder)), given.tab, given.out)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
