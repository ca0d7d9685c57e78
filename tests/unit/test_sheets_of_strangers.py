"""What people write into sheets and no program does: blank rows, totals, no id, an id that is none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from pydantic import ValidationError

from dagster_project.lake.manifest import FileRecord
from tests.unit.delivering import delimited, xlsx
from tests.unit.reading import MAPPING, Landing, source

HEADINGS = ["Id", "Name", "Stage", "Amount", "Reason", "Created"]
DEALS = [["1", "Alpha", "New", "10", "", "2025-01-02"], ["2", "Beta", "Won", "20", "", "2025-01-03"]]


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path)


def csv(rows: Sequence[Sequence[str]]) -> bytes:
    return delimited(rows).encode()


def ids(landing: Landing, record: FileRecord) -> list[str]:
    return [one for (one,) in landing.rows(record, "deal_id")]


# ------------------------------------------------------------------ blank rows


@pytest.mark.parametrize(
    "blank",
    [",,,,,", " , ,,, ,", '"","","","","",""', "\u00a0,,,,,", '" ",,,,,', "\t, ,,,,"],
    ids=["separators", "spaces", "quotes", "no-break", "quoted space", "tab"],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_rows_of_separators_and_spaces_are_no_rows(landing: Landing, blank: str, end: str) -> None:
    lines = [",".join(HEADINGS), ",".join(DEALS[0]), blank, blank, ",".join(DEALS[1]), blank, ""]
    record = landing.read("deals.csv", end.join(lines).encode())
    assert ids(landing, record) == ["1", "2"]
    assert (record.rows_in_file, record.rows_rejected) == (2, 0)
    assert "3 blank rows passed over" in record.message


def test_blank_rows_of_a_workbook_are_counted_alike(landing: Landing) -> None:
    blank = ["", " ", "", "", "", ""]
    record = landing.read("deals.xlsx", xlsx({"S": [HEADINGS, DEALS[0], [], blank, DEALS[1]]}))
    assert ids(landing, record) == ["1", "2"]
    assert "2 blank rows passed over" in record.message


def test_a_cell_that_begins_in_an_empty_line_is_no_blank_row(landing: Landing) -> None:
    text = f'{",".join(HEADINGS)}\n1,Alpha,New,10,,2025-01-02\n"\n",Beta,New,5,,2025-01-02\n'
    record = landing.read("deals.csv", text.encode())
    assert record.rows_loaded == 2 and "blank" not in record.message


# ------------------------------------------------------------------ totals


TOTALS = [
    ["Total", "", "", "30", "", ""],
    ["", "Total", "", "30", "", ""],
    ["TOTAL:", "2", "", "30", "", ""],
    ["Grand Total", "", "", "30", "", ""],
    ["Summe", "", "", "30", "", ""],
    ["Gesamt", "", "", "30", "", ""],
    ["Итого:", "", "", "30", "", ""],
    ["Total (2)", "", "", "30", "", ""],
]


@pytest.mark.parametrize("row", TOTALS, ids=lambda row: row[0] or row[1])
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_row_of_totals_is_no_deal(landing: Landing, row: list[str], kind: str) -> None:
    rows = [HEADINGS, *DEALS, row]
    content = csv(rows) if kind == "csv" else xlsx({"S": rows})
    record = landing.read(f"deals.{kind}", content)
    assert ids(landing, record) == ["1", "2"]
    assert (record.rows_in_file, record.rows_rejected, record.rows_loaded) == (2, 0, 2)
    assert "1 row of totals passed over" in record.message


def test_what_is_only_called_so_is_a_deal(landing: Landing) -> None:
    rows = [
        HEADINGS,
        ["Total", "A deal with a strange number", "New", "5", "", "2025-01-02"],
        ["7", "Total", "New", "5", "", "2025-01-02"],
        ["", "Total Energies pilot", "New", "5", "", "2025-01-02"],
    ]
    record = landing.read("deals.csv", csv(rows))
    assert ids(landing, record) == ["Total", "7", None]
    assert "totals" not in record.message


def test_subtotals_among_the_rows(landing: Landing) -> None:
    rows = [HEADINGS, DEALS[0], ["Subtotal", "", "", "10", "", ""], DEALS[1], ["Total", "", "", "30", "", ""]]
    record = landing.read("deals.csv", csv(rows))
    assert ids(landing, record) == ["1", "2"]
    assert "2 rows of totals passed over" in record.message


def test_a_customer_called_total_has_revenue(landing: Landing) -> None:
    record = landing.read(
        "deals.csv",
        b"Customer,Month,Net\nTotal,2025-01,10\nTotal,,10\n",
        entity="revenue",
        columns={"account_id": "Customer", "revenue_on": "Month", "amount": "Net"},
    )
    assert landing.rows(record, "account_id, revenue_on") == [("Total", "2025-01")]


# ------------------------------------------------------------------ an id that several columns are


DERIVED = {"columns": {name: said for name, said in MAPPING["columns"].items() if name != "deal_id"}}


def test_an_id_is_derived_from_several_columns(landing: Landing) -> None:
    rows = [HEADINGS[1:], ["Alpha", "New", "10", "", "2025-01-02"], ["Alpha", "Won", "20", "", "2025-02-03"]]
    for name, content in (("deals.csv", csv(rows)), ("deals.xlsx", xlsx({"S": rows}))):
        record = landing.read(name, content, **DERIVED, derive=["Name", "created"])
        assert ids(landing, record) == ["Alpha | 2025-01-02", "Alpha | 2025-02-03"]
        assert record.unmapped == []
        (landing.folder / "landing" / "crm" / name).unlink()


def test_an_empty_part_keeps_its_place_and_totals_are_no_deals(landing: Landing) -> None:
    rows = [HEADINGS[1:], ["Alpha", "New", "10", "", ""], ["Total", "", "30", "", ""], ["", "New", "1", "", ""]]
    record = landing.read("deals.csv", csv(rows), **DERIVED, derive=["Name", "Created"])
    assert ids(landing, record) == ["Alpha | ", None]


def test_a_file_with_an_id_needs_none_derived(landing: Landing) -> None:
    record = landing.read("deals.csv", csv([HEADINGS, *DEALS]), derive=["Name", "Created"])
    assert ids(landing, record) == ["1", "2"]


def test_a_heading_to_derive_from_that_is_not_there_refuses(landing: Landing) -> None:
    record = landing.read("deals.csv", csv([HEADINGS[1:], ["a", "New", "1", "", ""]]), **DERIVED, derive=["Day"])
    assert record.state == "refused"
    assert "has no heading 'Day', from which `derive` makes its deal_id" in record.message


def test_headings_again_below_are_no_record(landing: Landing) -> None:
    rows = [HEADINGS[1:], ["Alpha", "New", "10", "", "2025-01-02"], HEADINGS[1:]]
    record = landing.read("deals.csv", csv(rows), **DERIVED, derive=["Name", "Created"])
    assert ids(landing, record) == ["Alpha | 2025-01-02"]


def test_a_list_of_nothing_is_no_derivation() -> None:
    with pytest.raises(ValidationError):
        source(derive={"Name": "Created"})


# ------------------------------------------------------------------ an id that is none


def by_name(repeated: int, count: int = 100) -> list[list[str]]:
    """Deals of which some share their name with the one before."""
    names = [f"Deal {number - 1 if number % 2 and number < 2 * repeated else number}" for number in range(count)]
    return [[name, "New", str(at), "", f"2025-01-{1 + at % 28:02}"] for at, name in enumerate(names)]


NAMED = {"columns": {**DERIVED["columns"], "deal_id": "Name"}}


def test_a_column_that_is_plainly_no_id_refuses_and_proposes(landing: Landing) -> None:
    record = landing.read("deals.csv", csv([HEADINGS[1:], *by_name(5)]), **NAMED)
    assert record.state == "refused"
    assert "has no ids under 'Name': 5 of 95 values, such as 'Deal 0'" in record.message
    assert "`derive: [Name, Created]` in place of deal_id" in record.message


def test_a_few_slips_are_left_to_the_rule(landing: Landing) -> None:
    assert landing.read("deals.csv", csv([HEADINGS[1:], *by_name(4)]), **NAMED).state == "loaded"
    many = landing.read("deals2.csv", csv([HEADINGS[1:], *by_name(6, 400)]), **NAMED)
    assert many.state == "loaded"


def test_the_same_row_again_and_increments_are_no_sign(landing: Landing) -> None:
    rows = [row for row in by_name(0) for _ in (0, 1)]
    assert landing.read("deals.csv", csv([HEADINGS[1:], *rows]), **NAMED).state == "loaded"
    rows = by_name(20)
    record = landing.read("deals2.csv", csv([HEADINGS[1:], *rows]), **NAMED, deliveries="incremental")
    assert record.state == "loaded"
