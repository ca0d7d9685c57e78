"""What a draft makes of words for nothing, and of workbooks with several sheets."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagster_project.config.presets import source_of_preset
from tests.unit.delivering import delimited, xlsx
from tests.unit.test_draft import columns, draft, source

HEADINGS = ["Deal No", "Stage", "Value", "Customer", "Created", "Why lost"]
ROWS = [
    HEADINGS,
    ["D-1", "New", "10.5", "NULL", "2026-01-02", "-"],
    ["D-2", "Won", "NULL", "Acme", "NULL", "-"],
    ["D-3", "Lost", "7", "(null)", "NULL", "price"],
    ["D-4", "Lost", "(null)", "Beta", "2026-01-05", "-"],
]


def test_words_for_nothing_are_proposed_and_seen_as_nothing(tmp_path: Path) -> None:
    """Half of a column of dates that say NULL are no reason to take it for a column of texts."""
    drafted = draft(tmp_path, deals__csv=delimited(ROWS))
    drafted_source = source(drafted, tmp_path)
    assert drafted_source.null_values == ["(null)", "NULL", "-"]
    assert columns(drafted, tmp_path)["created_at"] == "Created"
    (line,) = [line for line in drafted.text.splitlines() if "null_values" in line]
    assert "check: whole cells that say nothing, in 'Value', 'Customer', 'Created', 'Why lost'" in line.replace(
        "  ", " "
    )


def test_without_such_words_nothing_is_proposed(tmp_path: Path) -> None:
    rows = [HEADINGS, ["D-1", "New", "10.5", "Null & Sons", "2026-01-02", "none of it - all"]]
    drafted = draft(tmp_path, deals__csv=delimited(rows))
    assert "null_values" not in drafted.text


def test_the_words_of_a_preset_stay(tmp_path: Path) -> None:
    headings = ["Id", "Name", "StageName", "Amount", "CloseDate", "CreatedDate", "OwnerId", "AccountId", "IsClosed"]
    row = ["006000000000001AAA", "Hall", "Prospecting", "#N/A", "2026-03-01", "2026-01-02T10:00:00Z", "null", "", "0"]
    drafted = draft(tmp_path, Opportunity__csv=delimited([headings, row]))
    assert source(drafted, tmp_path).vendor == "salesforce"
    assert source(drafted, tmp_path).null_values == [*source_of_preset("salesforce")["null_values"], "#N/A", "null"]


@pytest.mark.parametrize("name", ["crm 2026-02-01.xlsx", "crm.xlsx"])
def test_every_sheet_of_records_becomes_a_feed_of_the_file(tmp_path: Path, name: str) -> None:
    """One file may be read by several feeds, each with its sheet."""
    workbook = xlsx(
        {
            "Cover": [["Sales report", "February"], ["made by", "Ann"]],
            "Deals": [list(row) for row in ROWS],
            "Accounts": [["Account ID", "Account Name", "Segment"], ["1", "Acme", "big"], ["2", "Beta", "small"]],
        }
    )
    drafted = draft(tmp_path, **{name.replace(".", "__"): workbook})
    feeds = source(drafted, tmp_path).feeds
    assert {feed.sheet: feed.entity for feed in feeds.values()} == {"Deals": "deals", "Accounts": "accounts"}
    assert len({tuple(feed.files) for feed in feeds.values()}) == 1
    assert [line for line in drafted.left_out if "'Cover'" in line and "its headings do not say what it is" in line]
