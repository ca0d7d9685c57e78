"""An owner's page as it is read: on a phone, in the dark, whatever a CRM has for names; it asks nobody for anything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.unit.owned import Published

HOSTILE = "<img src=x onerror=\"document.title='gone'\"><style>body{display:none}</style>" + "longer" * 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    it = Published(tmp_path_factory.mktemp("owners"))
    it.owner("crm:1", "Ada Byron", team="North")
    it.owner("crm:2", HOSTILE, team=HOSTILE)
    for number, owner in enumerate(["crm:1", "crm:1", "crm:2", "crm:2"]):
        name = "Pump" if owner == "crm:1" else HOSTILE
        it.deal(
            f"crm:d{number}", owner, name, reasons=name, reason_ids="pushed", expected_close_on="2026-02-01", p_won=0.5
        )
        it.broken(f"crm:x{number}", owner, name, record_name=name, entity="leads", severity="critical", stage=name)
    it.broken("crm:d0", "crm:1", record_name="Pump", amount_at_stake=100)
    it.score("crm:1", 2, 1)
    return it.publish(lambda source, entity, id_: f"https://crm.example/{id_}") / "report" / "owners"


@contextmanager
def opened(browser: Browser, path: Path, width: int = 1200, **settings: Any) -> Iterator[tuple[Page, list[str]]]:
    """A page from the disk, with all that it said and asked for."""
    context = browser.new_context(viewport={"width": width, "height": 900}, **settings)
    heard: list[str] = []
    page = context.new_page()
    page.on("console", lambda message: heard.append(message.text))
    page.on("request", lambda request: heard.append(request.url))
    page.goto(path.as_uri())
    yield page, heard
    context.close()


def pages(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*.html"))
    assert len(found) == 3
    return found


@pytest.mark.parametrize("settings", [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"width": 390}])
def test_axe_finds_nothing(browser: Browser, folder: Path, settings: dict[str, Any]) -> None:
    for path in pages(folder):
        with opened(browser, path, **settings) as (page, _):
            found = Axe().run(page).response["violations"]
            assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []


@pytest.mark.parametrize("width", [390, 800, 1200])
def test_nothing_is_wider_than_the_screen(browser: Browser, folder: Path, width: int) -> None:
    for path in pages(folder):
        with opened(browser, path, width) as (page, _):
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path.name


def test_names_stay_names_and_nothing_is_asked_for(browser: Browser, folder: Path) -> None:
    for path in pages(folder):
        with opened(browser, path) as (page, heard):
            assert heard == [path.as_uri(), "data:,"] or heard == [path.as_uri()]
            assert page.title() != "gone" and page.locator("img").count() == 0
            assert page.locator("body").is_visible()
            style = page.evaluate("getComputedStyle(document.body).maxWidth")
            assert style != "none", "the policy names the page's own style"


def test_a_page_leads_to_its_neighbours(browser: Browser, folder: Path) -> None:
    with opened(browser, folder / "index.html") as (page, _):
        page.get_by_role("link", name="Ada Byron", exact=True).click()
        assert page.locator("h1").inner_text() == "Ada Byron"
        links = page.eval_on_selector_all("a", "all => all.map(one => one.href)")
    expected = [
        (folder / name).resolve().as_uri() for name in ("Ada-Byron.csv", "../index.html", "../../data_docs/index.html")
    ]
    assert set(expected) <= set(links)
    assert "https://crm.example/d0" in links


def test_it_prints_light(browser: Browser, folder: Path) -> None:
    with opened(browser, folder / "Ada-Byron.html", color_scheme="dark") as (page, _):
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
