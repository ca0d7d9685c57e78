"""A headless Chromium of the system, driven by playwright, which downloads none. Without one the tests are skipped."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.report import Report, opened
from tests.conftest import Warehouse

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One browser for all tests of the package; closed with it, because its event loop would be in others' way."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser on this machine ({', '.join(NAMES)}): the report is not looked at")
    with sync_playwright() as playwright:
        # root has no sandbox
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        yield browser
        browser.close()


@pytest.fixture
def report(browser: Browser, sample: Warehouse) -> Iterator[Report]:
    """The sample's report, freshly opened."""
    with opened(browser, sample.path / "report" / "index.html") as report:
        yield report
