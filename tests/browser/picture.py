"""The picture in README.md: `.venv/bin/python -m tests.browser.picture` after `make nightly`; needs a Chromium."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.conftest import NAMES
from tests.conftest import PROJECT


def picture(page: Path, to: Path) -> None:
    """The top of a page as a person's screen shows it."""
    found = next(path for name in NAMES if (path := shutil.which(name)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        view = browser.new_page(viewport={"width": 1280, "height": 900})
        view.set_default_timeout(120_000)
        view.goto(page.resolve().as_uri())
        view.wait_for_timeout(3000)
        view.screenshot(path=to)
        browser.close()


if __name__ == "__main__":
    named = [Path(name) for name in sys.argv[1:]]
    picture(*(named or (PROJECT / "warehouse" / "report" / "index.html", PROJECT / "docs" / "report.png")))
