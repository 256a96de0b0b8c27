"""Draws the beginning of an audit's report for the documentation: `python -m tests.tools.audit.picture FOLDER OUT`."""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

WIDTH, HEIGHT = 960, 1130


def draw(report: Path, out: Path) -> None:
    """A picture of the top of an HTML report."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(report.resolve().as_uri())
        page.screenshot(path=str(out), type="jpeg", quality=85)
        browser.close()


if __name__ == "__main__":
    draw(Path(sys.argv[1]) / "audit.en.html", Path(sys.argv[2]))
