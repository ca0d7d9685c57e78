"""A deal's page as it is read: on a phone, in the dark, whatever a CRM has for names; it asks nobody for anything."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from dagster_project.config.load import read_configuration
from dagster_project.package_files import PROJECT_DIR
from dagster_project.publish.deals.lives import Life
from dagster_project.publish.deals.pages import SHOWN, Page
from dagster_project.publish.origins.rows import Row
from dagster_project.publish.origins.values import Value
from tests.browser.test_owner_pages import HOSTILE, opened

AT = datetime(2026, 3, 1, 6)


def hostile() -> Life:
    """A deal of which every text would be something else if it were not escaped."""
    row = Row("deals", HOSTILE, 3, AT, "current", {"deal_id": "1", "deal_name": HOSTILE, "=1+1": HOSTILE}, {}, again=2)
    old = Row("deals", HOSTILE, 2, AT, "superseded", {"deal_id": "1", "deal_name": "Pump"}, {})
    return Life(
        f"crm:{HOSTILE}",
        "crm",
        HOSTILE,
        [
            Value("deal_name", HOSTILE, HOSTILE, "deal_name", None, HOSTILE, 3, AT),
            Value("status", "open"),
            Value("stage", HOSTILE, given_by="its history"),
            Value("pipeline", HOSTILE),
            Value("amount", Decimal("12500.00"), "12.500,00", "amount", "a decimal comma", HOSTILE, 3, AT),
            Value("currency", "EUR"),
            Value("is_qualified", True),
        ],
        [old, row],
        [
            {
                "transition_number": 1,
                "transitioned_at": AT,
                "from_stage": None,
                "to_stage": HOSTILE,
                "direction": "created",
                "evidence": "logged",
            }
        ],
        [{"changed_at": AT, "field": "amount", "old_value": None, "new_value": HOSTILE, "evidence": "observed"}],
        [
            {
                "rule": "stale_deal",
                "severity": severity,
                "message": HOSTILE,
                "first_seen_on": date(2026, 2, 1),
                "resolved_on": resolved,
            }
            for severity, resolved in [("critical", None), ("warning", date(2026, 2, 9))]
        ],
        [
            {
                "cause": "rewritten",
                "field": "status",
                "before": "won",
                "now": HOSTILE,
                "file": HOSTILE,
                "row_number": 4,
                "first_month": date(2026, 1, 1),
                "last_month": date(2026, 2, 1),
            }
        ],
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = read_configuration(PROJECT_DIR / "pipeline.yml")
    file = tmp_path_factory.mktemp("deals") / "deal.html"
    # an address that a pattern turned into a script is none
    text = Page(config, AT.replace(tzinfo=UTC), lambda *_: "javascript:alert(1)", "../index.html").of(hostile())
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("settings", [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"width": 390}])
def test_axe_finds_nothing(browser: Browser, page: Path, settings: dict[str, Any]) -> None:
    with opened(browser, page, **settings) as (view, _):
        found = Axe().run(view).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []


@pytest.mark.parametrize("width", [390, 800, 1280])
def test_nothing_is_wider_than_the_screen(browser: Browser, page: Path, width: int) -> None:
    with opened(browser, page, width) as (view, _):
        assert view.evaluate("document.documentElement.scrollWidth") <= width


def test_names_stay_names_and_nothing_is_asked_for(browser: Browser, page: Path) -> None:
    with opened(browser, page) as (view, heard):
        assert heard in ([page.as_uri(), "data:,"], [page.as_uri()])
        assert view.title() != "gone" and view.locator("img").count() == 0
        assert view.locator("h1").inner_text() == HOSTILE
        assert [link.get_attribute("href") for link in view.locator("a").all()] == ["../index.html"]
        style = view.evaluate("getComputedStyle(document.body).maxWidth")
        assert style != "none", "the policy names the page's own style"


def test_a_page_stays_short_whatever_a_program_did_to_the_deal() -> None:
    config = read_configuration(PROJECT_DIR / "pipeline.yml")
    told = hostile()
    event = Row("deal_changes", "log.csv", 2, AT, "current", {"deal_id": "1", "field": "amount", "new_value": "1"}, {})
    told.rows += [event] * 5000
    told.changes *= 5000
    text = Page(config, AT.replace(tzinfo=UTC)).of(told)
    assert text.count("log.csv") == text.count("observed</td>") == SHOWN
    assert "The newest 300 of 5,000;" in text and "The newest 302 of 5,002;" in text
    assert "of 1;" not in text


def test_what_a_row_says_otherwise_stands_out(browser: Browser, page: Path) -> None:
    with opened(browser, page) as (view, _):
        assert view.locator(".other dt").all_inner_texts() == ["deal_name", "=1+1"]
        assert "2 more that say the same" in view.locator("tbody th.file").last.inner_text()
