"""Files that are refused for what their cells say, or for what never came beside them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dagster_project.config.feeds import Source
from dagster_project.lake.deliveries import select_deliveries
from dagster_project.lake.manifest import FileRecord, read_records
from tests.unit.delivering import delimited, xlsx
from tests.unit.reading import MAPPING, Landing

DEALS: dict[str, Any] = {
    **MAPPING,
    "columns": {**MAPPING["columns"], "expected_close_on": "Close", "won_at": "Won"},
}
HEADINGS = ["Id", "Stage", "Amount", "Created", "Close", "Won"]
GOOD = ["1", "New", "1.50", "2026-01-05", "2026-02-05", ""]


def table(column: str, cells: list[str]) -> bytes:
    """A file of deals as they should be, but for one column."""
    at = HEADINGS.index(column)
    rows = [[*GOOD[:at], cell, *GOOD[at + 1 :]] for cell in cells]
    return delimited([HEADINGS, *rows]).encode()


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path)


# ------------------------------------------------------------------ mostly unreadable


@pytest.mark.parametrize(
    ("column", "cells", "feed", "said"),
    [
        ("Created", ["soon", "2026-01-05", "", "later"], {}, "created_at ('Created'): 2 of 3 values cannot be read"),
        ("Created", ["0000-00-00 00:00:00"] * 4, {}, "'0000-00-00 00:00:00' in row 2"),
        ("Created", ["31/02/2026", "30/02/2026"], {}, "'31/02/2026' in row 2, '30/02/2026' in row 3"),
        ("Created", ["13/04/2026", "32/13/2026", "n/a", "soon"], {}, "2 of 3 values"),
        (
            "Created",
            ["13/04/2026", "14/04/2026"],
            {"date_formats": ["%m/%d/%Y"]},
            'date_formats of the feed are ["%m/%d',
        ),
        ("Close", ["next week", "Q3"], {}, "expected_close_on ('Close'): 2 of 2"),
        ("Won", ["yes", "", "", "soon"], {}, "won_at ('Won'): 2 of 2"),
        ("Amount", ["a lot", "little", "5"], {}, "amount ('Amount'): 2 of 3 values cannot be read ('a lot' in row 2"),
        ("Amount", ["1.234,50", "2.000,00"], {"decimal_separator": "."}, 'decimal_separator of the feed is "."'),
    ],
)
def test_a_column_most_of_which_cannot_be_read_refuses_its_file(
    landing: Landing, column: str, cells: list[str], feed: dict[str, Any], said: str
) -> None:
    record = landing.read("deals.csv", table(column, cells), **{**DEALS, **feed})
    assert record.state == "refused"
    assert said in record.message
    assert record.rows_in_file == 0


@pytest.mark.parametrize(
    ("column", "cells", "feed"),
    [
        # of one value alone no share is told
        ("Won", ["yes", "", "", ""], {}),
        # half is not more than half
        ("Created", ["soon", "2026-01-05"], {}),
        ("Created", [""] * 5, {}),
        # readable, if nobody believes it
        ("Created", ["1899-01-05", "2099-01-05"], {}),
        (
            "Created",
            ["2026-01-05 10:00 +02:00", "2026-01-05T10:00Z", "2026-01-05 10:00:00 UTC", "2026-01-05T10:00:00+0200"],
            {},
        ),
        ("Created", ["13/04/2026", "4/3/2026, 2:15 PM", "5 Mar 2026"], {}),
        ("Created", ["45678", "45678.5"], {}),
        ("Created", ["1767225600", "1767225600000", "20260105"], {}),
        ("Created", ["05.2026.01", "06.2026.01"], {"date_formats": ["%d.%Y.%m"]}),
        ("Close", ["2026-03", "Mar 2026"], {}),
        ("Amount", ["1.234,50", "€ 1.234,50", "(12,5)", "1 234,-"], {}),
        ("Amount", ["$ 1,000.50", "SHP001"], {}),
        ("Created", ["-", "-", "N.N.", "2026-01-05"], {"null_values": ["N.N."]}),
    ],
)
def test_what_can_be_read_or_is_empty_does_not(
    landing: Landing, column: str, cells: list[str], feed: dict[str, Any]
) -> None:
    record = landing.read("deals.csv", table(column, cells), **{**DEALS, **feed})
    assert (record.state, record.rows_loaded) == ("loaded", len(cells)), record.message


def test_a_row_is_named_as_it_stands_in_the_file_and_three_are_enough(landing: Landing) -> None:
    content = table("Created", ["soon"] * 5).replace(b"\n", b"\n1,New\n", 1)
    message = landing.read("deals.csv", content, **DEALS).message
    assert "5 of 5" in message
    assert "('soon' in row 3, 'soon' in row 4, 'soon' in row 5)" in message


def test_personal_data_is_not_shown(landing: Landing) -> None:
    feed = {**DEALS, "personal_data": {"deal_name": "drop"}}
    message = landing.read("deals.csv", table("Created", ["eve@example.com"] * 2), **feed).message
    assert "(row 2, row 3)" in message
    assert "eve@" not in message


@pytest.mark.parametrize(
    ("column", "cells", "said"),
    [
        (
            "Stage",
            [("error", "#N/A"), "New", ("error", "#REF!")],
            "stage ('Stage'): 2 of 3 values cannot be read ('#N/A'",
        ),
        ("Created", [("error", "#VALUE!"), ("date", 46144)], None),
        (
            "Created",
            [("error", "#VALUE!"), ("error", "#VALUE!"), None],
            "created_at ('Created'): 2 of 2 values cannot be",
        ),
        ("Amount", [("error", "#DIV/0!"), 5, ("error", "#DIV/0!")], "'#DIV/0!' in row 2, '#DIV/0!' in row 4"),
    ],
)
def test_errors_of_a_workbook_are_unreadable(landing: Landing, column: str, cells: list[Any], said: str | None) -> None:
    rows = [["Id", "Stage", column], *([str(at), "New", cell] for at, cell in enumerate(cells))]
    if column == "Stage":
        rows = [["Id", "Stage"], *([str(at), cell] for at, cell in enumerate(cells))]
    record = landing.read("deals.xlsx", xlsx({"Deals": rows}), **DEALS)
    assert (record.state == "refused") == bool(said)
    assert (said or "") in record.message


@pytest.mark.parametrize(
    ("entity", "columns", "rows", "column"),
    [
        (
            "deal_changes",
            {"deal_id": "A", "field": "B", "changed_at": "C"},
            ["1,stage,once", "2,stage,twice"],
            "changed_at",
        ),
        (
            "deal_versions",
            {"deal_id": "A", "stage": "B", "version_at": "C"},
            ["1,New,once", "2,New,twice"],
            "version_at",
        ),
        ("leads", {"lead_id": "A", "created_at": "C"}, ["1,x,once", "2,y,twice"], "created_at"),
        ("spend", {"spent_on": "A", "amount": "C"}, ["2026-01,x,once", "2026-02,y,twice"], "amount"),
    ],
)
def test_the_same_of_every_entity(
    landing: Landing, entity: str, columns: dict[str, str], rows: list[str], column: str
) -> None:
    content = "\n".join(["A,B,C", *rows]).encode()
    record = landing.read("deals.csv", content, entity=entity, columns=columns)
    assert record.state == "refused"
    assert record.message.startswith(
        f"{column} ('C'): 2 of 2 values cannot be read ('once' in row 2, 'twice' in row 3)"
    )


# ------------------------------------------------------------------ swapped by a spreadsheet

#: 5 February 2026 and 3 January 2026, as a spreadsheet counts days, when it has taken them for 2 May and 1 March.
MAY_2, MARCH_1 = ("date", 46144), ("date", 46082)


def workbook(cells: list[Any], **feed: Any) -> tuple[str, bytes, dict[str, Any]]:
    rows = [["Id", "Stage", "Created"], *([str(at), "New", cell] for at, cell in enumerate(cells))]
    return "deals.xlsx", xlsx({"Deals": rows}), {**DEALS, **feed}


@pytest.mark.parametrize(
    ("cells", "feed"),
    [
        ([MAY_2, "13/02/2026", MARCH_1, "28/01/2026"], {}),
        ([MAY_2, "13.02.2026 10:30"], {}),
        ([MAY_2, "02/13/2026", None, "n/a"], {}),
        ([("datetime", 46144.5), "13/02/26"], {}),
        # nobody's word on texts makes the dates right
        ([MAY_2, "13/02/2026"], {"date_formats": ["%d/%m/%Y"]}),
    ],
)
def test_dates_that_a_spreadsheet_has_swapped_refuse_the_workbook(
    landing: Landing, cells: list[Any], feed: dict[str, Any]
) -> None:
    name, content, mapping = workbook(cells, **feed)
    record = landing.read(name, content, **mapping)
    assert record.state == "refused"
    assert record.message.startswith("created_at ('Created'): none of its ")
    assert "in row 2 is 5 February 2026, or 2 May 2026 as it stands" in record.message


@pytest.mark.parametrize(
    "cells",
    [
        # a day above twelve is no swapped one, a text without one needs not have been left
        [MAY_2, ("date", 46156), "13/02/2026"],
        [MAY_2, "13/02/2026", "05/02/2026"],
        [MAY_2, MARCH_1],
        # the same either way
        [("date", 46147), "13/02/2026"],
    ],
)
def test_dates_beside_texts_are_not_swapped_without_the_pattern(landing: Landing, cells: list[Any]) -> None:
    name, content, mapping = workbook(cells)
    assert landing.read(name, content, **mapping).state == "loaded"


def test_the_same_saved_as_text_is_refused_unless_its_formats_are_configured(landing: Landing) -> None:
    content = table("Created", ["2026-05-02", "2026-03-01", "13/02/2026", "28/01/2026"])
    record = landing.read("deals.csv", content, **DEALS)
    assert "'2026-05-02' in row 2 is 5 February 2026, or 2 May 2026 as it stands" in record.message
    record = landing.read("deals.csv", content, **DEALS, date_formats=["%d/%m/%Y"])
    assert record.state == "loaded"


# ------------------------------------------------------------------ no stage, and nothing that tells it


def with_log(kind: str = "deal_changes") -> Source:
    """A source whose log or versions are configured, as presets configure them."""
    columns = {
        "deal_changes": {"deal_id": "Deal", "field": "Field", "new_value": "New", "changed_at": "At"},
        "deal_versions": {"deal_id": "Deal", "stage": "New", "version_at": "At"},
    }
    feeds = {
        "deals": {**MAPPING, "files": ["deals*.csv"]},
        "log": {"entity": kind, "files": ["log*.csv"], "columns": columns[kind]},
    }
    return Source.model_validate({"name": "crm", "deliveries": "full", "feeds": feeds})


def selected(landing: Landing, crm: Source) -> dict[str, FileRecord]:
    landing.ingest(crm)
    moment = datetime(2027, 1, 1, tzinfo=UTC)
    return {one.file: one for one in select_deliveries(read_records(landing.folder / "lake"), [crm], moment, 0.5)}


STAGELESS = b"Id,Amount\n1,5\n2,6\n"
LOG = b"Deal,Field,New,At\n1,stage,Demo,2026-01-05\n"


@pytest.mark.parametrize("kind", ["deal_changes", "deal_versions"])
def test_deals_without_stage_are_refused_until_history_is_delivered(landing: Landing, kind: str) -> None:
    crm = with_log(kind)
    landing.put("deals_2026-01-10.csv", b"Id,Stage\n1,New\n")
    landing.put("deals_2026-02-10.csv", STAGELESS)
    first, second = selected(landing, crm).values()
    assert (first.state, second.state) == ("loaded", "refused")
    assert (second.rows_in_file, second.rows_loaded) == (0, 0)
    assert "has no column for deals.stage" in second.message
    assert "deliver a change log or versions" in second.message
    landing.put("log_2026-02-11.csv", LOG)
    assert {one.state for one in selected(landing, crm).values()} == {"loaded"}


def test_a_log_that_is_refused_or_empty_is_not_delivered(landing: Landing) -> None:
    crm = with_log()
    landing.put("deals_2026-02-10.csv", STAGELESS)
    landing.put("log_2026-02-09.csv", b"Deal,Field,New,At\n")
    landing.put("log_2026-02-10.csv", b"Deal,Changed\n1,2\n")
    assert selected(landing, crm)["deals_2026-02-10.csv"].state == "refused"


def test_one_file_without_stage_refuses_its_delivery(landing: Landing) -> None:
    crm = with_log()
    landing.put("deals_2026-02-10.csv", STAGELESS)
    landing.put("deals_open_2026-02-10.csv", b"Id,Stage\n3,New\n")
    found = selected(landing, crm)
    assert {one.state for one in found.values()} == {"refused"}
    assert found["deals_open_2026-02-10.csv"].message.startswith("refused with deals_2026-02-10.csv: has no column")


def test_a_stage_that_is_constant_or_empty_is_there(landing: Landing) -> None:
    landing.put("deals_2026-02-10.csv", b"Id,Stage\n1,\n")
    assert selected(landing, with_log())["deals_2026-02-10.csv"].state == "loaded"
