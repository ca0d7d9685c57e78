"""The report in a headless Chromium, as a person or a screen reader finds it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

_DRAWN = "() => document.querySelectorAll('.chart').length === document.querySelectorAll('.chart svg').length"
#: Opens the fold of a table, as a reader does, and reads its rows.
_CELLS = """async id => {
    const table = document.getElementById(`table-${id}`)
    if (!table) return []
    const fold = table.closest('details')
    if (!fold.open) {
        const opened = new Promise(done => fold.addEventListener('toggle', done, {once: true}))
        fold.open = true
        await opened
    }
    return [...table.tBodies[0].rows].map(
        row => [...row.cells].map(cell => [cell.dataset.key, cell.dataset.value, cell.textContent, cell.className]))
}"""


@dataclass
class Report:
    """A page that is open, with everything it said and asked for since."""

    page: Page
    said: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def wait(self) -> None:
        """Until every chart is drawn."""
        self.page.wait_for_function(_DRAWN)

    def choose(self, **filters: str) -> None:
        """Chooses by what the options say."""
        self.page.evaluate("document.getElementById('filter-fold').open = true")
        for name, label in filters.items():
            self.page.select_option(f"#{name}", label=label)
        self.wait()

    def rows(self, table: str) -> list[dict[str, Any]]:
        """The rows of a table: the values behind what it shows, by column."""
        return [{key: json.loads(value) for key, value, _, _ in cells} for cells in self.page.evaluate(_CELLS, table)]

    def texts(self, table: str, column: str) -> list[str]:
        """What a column shows."""
        rows = self.page.evaluate(_CELLS, table)
        return [text for cells in rows for key, _, text, _ in cells if key == column]

    def numbers(self, table: str) -> list[tuple[Any, str]]:
        """Every number of a table, and the text it is shown as."""
        rows = self.page.evaluate(_CELLS, table)
        return [(json.loads(value), text) for cells in rows for _, value, text, kind in cells if kind == "number"]

    def tables(self) -> list[str]:
        """The names of all tables."""
        return [
            name.removeprefix("table-") for name in self.page.eval_on_selector_all("table", "all => all.map(t => t.id)")
        ]


@contextmanager
def opened(browser: Browser, path: Path, **settings: Any) -> Iterator[Report]:
    """Opens a page from the disk; settings are those of a browser context, such as its colour scheme."""
    context = browser.new_context(accept_downloads=True, viewport={"width": 1280, "height": 900}, **settings)
    try:
        report = Report(context.new_page())
        report.page.on("console", lambda message: report.said.append(f"{message.type}: {message.text}"))
        report.page.on("pageerror", lambda error: report.said.append(f"error: {error}"))
        report.page.on("request", lambda request: report.requests.append(request.url))
        report.page.goto(path.resolve().as_uri())
        report.wait()
        yield report
    finally:
        context.close()
