"""Files that are no CRM records of ours, stages and people by other names, and figures that a person recognises."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagster_project.draft.words import stage_meaning
from tests.unit.delivering import delimited
from tests.unit.test_draft import columns, draft, source

DEALS = "Deal ID,Stage,Amount,Created\n" + "".join(
    f"D{n},{stage},{n}00,2025-01-0{n}\n" for n, stage in enumerate(["New", "Offer", "Won", "Won", "Lost"], start=1)
)

#: Name → a table that mentions deals, and is none.
TABLES = {
    "payments": "Payment ID,Deal ID,Amount,Paid on,Status\nP1,D1,10,2025-01-02,Paid\nP2,D1,20,2025-01-03,Open\n",
    "tickets": "Ticket No,Subject,Status,Deal ID,Created\nT1,Help,open,D1,2025-01-02\nT2,Help,closed,D2,2025-01-03\n",
    "shipments": "shipment_id,deal_id,carrier,shipped_on,state\nS1,D1,DHL,2025-01-02,sent\nS2,D2,UPS,2025-01-02,sent\n",
    "line_items": "Deal ID,Product,Quantity,Price\nD1,A,1,10\nD1,B,2,20\nD2,A,1,10\nD2,C,1,5\n",
    "subscriptions": "Subscription ID,Customer,Plan,MRR,Start,Status\nS1,Acme,Pro,10,2025-01-02,active\n"
    "S2,Beta,Pro,10,2025-02-02,cancelled\n",
    "rechnungen": "Rechnungsnummer;Projekt-Nr;Betrag;Datum\nR1;D1;10;2025-01-02\nR2;D1;20;2025-01-03\n",
    "contracts": "contractId,opportunityId,amount,startDate,stage\nC1,D1,10,2025-01-02,x\nC2,D2,5,2025-01-02,x\n",
    "invoices": "Invoice,Invoice No,Deal,Amount,Date\na,I1,D1,10,2025-01-02\nb,I2,D2,20,2025-01-03\n",
    "products": "Product ID,Name,Price\nA,Anvil,10\nB,Bolt,20\n",
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_mentions_deals_is_none(tmp_path: Path, name: str) -> None:
    drafted = draft(tmp_path, deals__csv=DEALS, **{f"{name}__csv": TABLES[name]})
    assert list(source(drafted, tmp_path).feeds) == ["deals"]
    assert [line for line in drafted.left_out if line.startswith(f"{name}.csv: ")], drafted.left_out


@pytest.mark.parametrize(
    ("heading", "entity"),
    [
        ("Record ID", "deals"),
        ("#", "deals"),
        ("Opportunity Number", "deals"),
        ("CRM-Nr.", "deals"),
        ("Deal", "deals"),
        ("External ID", "deals"),
    ],
)
def test_ids_of_deals_by_other_names_are_theirs(tmp_path: Path, heading: str, entity: str) -> None:
    rows = [[heading, "Stage", "Amount", "Customer"], ["1", "New", "10", "A"], ["2", "Won", "20", "B"]]
    assert columns(draft(tmp_path, deals__csv=delimited(rows)), tmp_path, entity)["deal_id"] == heading


def test_a_sheet_alone_may_be_named_by_anything(tmp_path: Path) -> None:
    rows = [["Quote No", "Stage", "Amount"], ["Q1", "New", "10"], ["Q2", "Won", "20"], ["Q3", "Lost", "30"]]
    drafted = draft(tmp_path, quotes__csv=delimited(rows))
    assert columns(drafted, tmp_path)["deal_id"] == "Quote No"


def test_two_files_that_tell_of_the_same_records(tmp_path: Path) -> None:
    """A list of deals and its archive by other headings: one record told by two feeds."""
    old = "Deal No,Phase,Value\nD4,Won,5\nD5,Lost,6\nD9,Won,6\n"
    drafted = draft(tmp_path, deals__csv=DEALS, archive__csv=old)
    assert len(source(drafted, tmp_path).feeds) == 2
    assert "check: 2 of its ids are in deals too" in drafted.text


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("Deal qualified", "qualifying"),
        ("New deal", "prospecting"),
        ("Deal", None),
        ("Customer review", None),
        ("Unqualified", "lost"),
        ("Closed won", "won"),
        ("A. Demo", "demo"),
        ("No deal", "lost"),
    ],
)
def test_a_deal_is_no_win(name: str, canonical: str | None) -> None:
    found = stage_meaning(name.removeprefix("A. "))
    assert (found.meaning if found else None) == canonical


@pytest.mark.parametrize(
    "prefixes", ["A. {}|B. {}|C. {}|D. {}", "1) {}|2) {}|3) {}|4) {}", "a - {}|b - {}|c - {}|d - {}"]
)
def test_letters_in_front_of_stages_are_their_order(tmp_path: Path, prefixes: str) -> None:
    """The proposal comes before the demo here, whatever others do."""
    names = [
        prefix.format(name) for prefix, name in zip(prefixes.split("|"), ["Offer", "Demo", "Won", "Lost"], strict=True)
    ]
    rows = "".join(f"{number},{name},1\n" for number, name in enumerate(reversed(names)))
    drafted = draft(tmp_path, deals__csv=f"Deal No,Stage,Value\n{rows}")
    (pipeline,) = source(drafted, tmp_path).pipelines
    assert [(stage.name, stage.canonical) for stage in pipeline.stages] == list(
        zip(names, ["proposal", "demo", "won", "lost"], strict=True)
    )


def test_owners_by_their_addresses(tmp_path: Path) -> None:
    rows = [["Deal ID", "Stage", "Owner"], ["1", "New", "ann@crm.example"], ["2", "Won", "bo@crm.example"]]
    drafted = draft(tmp_path, deals__csv=delimited(rows))
    assert columns(drafted, tmp_path)["owner_id"] == "Owner"
    assert "ann@" not in drafted.text and "personal_data: {owner_id: hash}" in drafted.text


@pytest.mark.parametrize(
    ("first", "last"),
    [("First Name", "Last Name"), ("Vorname", "Nachname"), ("prénom", "nom"), ("Nombre", "Apellidos")],
)
def test_first_and_last_name_are_one(tmp_path: Path, first: str, last: str) -> None:
    rows = [["Lead ID", first, last, "E-Mail", "Status"], ["1", "Ann", "Lee", "a@b.example", "new"]]
    drafted = draft(tmp_path, leads__csv=delimited(rows))
    assert source(drafted, tmp_path).feeds["leads"].columns["lead_name"] == [[first, last]]


@pytest.mark.parametrize(
    "heading", ["Event time", "Occurred at", "event_timestamp", "Logged at", "Updated At", "Date/Time"]
)
def test_when_something_happened(tmp_path: Path, heading: str) -> None:
    rows = [
        ["Deal ID", "Field", "Old value", "New value", heading],
        ["1", "Stage", "New", "Offer", "2025-01-02 10:00:00"],
        ["1", "Stage", "Offer", "Won", "2025-01-03 10:00:00"],
    ]
    drafted = draft(tmp_path, deals__csv=DEALS, changes__csv=delimited(rows))
    assert columns(drafted, tmp_path, "deal_changes")["changed_at"] == heading


def test_figures_that_a_person_recognises(tmp_path: Path) -> None:
    drafted = draft(
        tmp_path,
        deals__csv="Deal ID;Stage;Amount;Currency;Owner;Created;Close date\n"
        "1;New;1.000,50;EUR;Ann;03.02.2025;\n2;Won;2.500,00;EUR;Bo;14.03.2025;20.04.2025\n"
        "3;Won;100,25;EUR;Ann;15.03.2025;21.04.2025\n4;Lost;;EUR;Ann;16.03.2025;30.06.2025\n;New;1,00;EUR;;;\n"
        "6;Offer;5,00;EUR;Ann;01.04.2025;surplus;cell\n",
    )
    assert drafted.figures == [
        "4 deals by stage: New 1, Won 2, Lost 1",
        "won: 2 deals, 2,600.25 EUR",
        "created from 2025-02-03 to 2025-03-16; closing from 2025-04-20 to 2025-06-30",
        "owners: 2",
        "left out: 1 row rejected, 1 row without deal_id",
    ]
