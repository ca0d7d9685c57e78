"""Opens the imported dashboard in a headless Chromium, tab by tab: every chart draws, without error and not empty.

    .venv/bin/python bi/superset/look.py http://127.0.0.1:8088 shots

Playwright is in the development environment; the browser is the system's chromium. Exit status 1 names the charts.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

#: What a chart that failed, or has nothing to show, says.
TROUBLE = ".ant-alert-error, .ant-empty, [data-test='no-results']"
CHART = "[data-test='dashboard-component-chart-holder']"
WAIT = 90_000


def open_dashboard(page: Page, superset: str, user: str, password: str) -> None:
    """Signs in by the form, as a person would, and waits for the first chart."""
    page.goto(f"{superset}/login/?next=/superset/dashboard/dealtrail/")
    page.fill("input#username", user)
    page.fill("input#password", password)
    page.keyboard.press("Enter")
    page.wait_for_selector(CHART, timeout=WAIT)


def drawn(page: Page) -> list[str]:
    """Scrolls through the tab until every chart has drawn; returns the titles of those that did not come right."""
    charts = page.locator(f"{CHART}:visible")
    for number in range(charts.count()):
        charts.nth(number).scroll_into_view_if_needed()
        page.wait_for_timeout(300)
    page.wait_for_function("!document.querySelector('[data-test=loading-indicator], .loading')", timeout=WAIT)
    page.wait_for_timeout(1500)
    bad = [chart for chart in charts.all() if chart.locator(TROUBLE).count()]
    return [chart.inner_text().splitlines()[0] for chart in bad]


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("superset", help="its address")
    parser.add_argument("shots", type=Path, help="folder for a screenshot of each tab")
    parser.add_argument("--user", default="admin")
    parser.add_argument("--password", default="admin")
    arguments = parser.parse_args()
    arguments.shots.mkdir(parents=True, exist_ok=True)
    bad: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1600, "height": 2600})
        open_dashboard(page, arguments.superset, arguments.user, arguments.password)
        for tab in page.locator(".dashboard-component-tabs [role=tab]").all():
            tab.click()
            page.wait_for_timeout(1500)
            bad += drawn(page)
            page.evaluate("window.scrollTo(0, 0)")
            page.screenshot(path=arguments.shots / f"{tab.inner_text().lower()}.png")
            print(f"{tab.inner_text()}: looked at")
        browser.close()
    for title in bad:
        print(f"not drawn right: {title}", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
