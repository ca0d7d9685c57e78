"""The oracle's shapes, merges, changes and daily counts against what `domain.md` says, worked by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from . import Result
from .handmade import World
from .mapping import stage_date_places


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def moves(result: Result, deal_key: str = "crm:1") -> list[tuple[str, str, str]]:
    """(stage, day, evidence) of a deal's transitions."""
    rows = [row for row in result.transitions if row["deal_key"] == deal_key]
    return [(row["to_stage"], row["transitioned_at"].strftime("%m-%d %H:%M"), row["evidence"]) for row in rows]


def changed(result: Result, field: str, deal_key: str = "crm:1") -> list[tuple[object, ...]]:
    rows = [row for row in result.changes if (row["deal_key"], row["field"]) == (deal_key, field)]
    return [(row["old_value"], row["new_value"], f"{row['changed_at']:%m-%d}", row["evidence"]) for row in rows]


def test_headings_of_stage_dates() -> None:
    patterns = ['Date entered "{stage} ({pipeline})"', "Date entered '{stage} ({pipeline})'", "date_entered_{stage}"]
    headings = [
        "Date entered 'Demo (EU) (Sales)'",
        'DATE  entered "demo (EU) (Sales)"',
        "date_entered_17",
        'Date exited "Demo (EU) (Sales)"',
    ]
    assert stage_date_places(headings, patterns) == {("demo (EU)", "Sales"): 1, ("17", None): 2}


def test_stage_dates(world: World) -> None:
    """A date is its midnight in Berlin; ties go by stage; an alias; another pipeline; later than as-of."""
    world.deliver(
        "deals_2026-01-20.csv",
        """
        id;stage;created;Entered demo;Entered New;Date entered '17 (Default)';Date entered 'Trial (Other)';Entered Won
        1;Offer;2026-01-02;2026-01-05;2026-01-05;2026-01-07 10:00:00;2026-01-06;2026-03-01
        """,
    )
    result = world.compute()
    assert moves(result) == [
        ("New", "01-04 23:00", "dated"),
        ("Demo", "01-04 23:00", "dated"),
        ("Trial", "01-05 23:00", "dated"),
        ("Offer", "01-07 10:00", "dated"),
    ]
    assert [row["pipeline"] for row in result.transitions] == ["default", "default", "Other", "default"]
    assert result.deals[0]["status"] == "open"
    there, back = ("default", "Other", "01-05", "dated"), ("Other", "default", "01-07", "dated")
    assert changed(result, "pipeline") == [there, back]


EXTRACTS = {
    "deals_2026-01-10.csv": "1,New,100 | 2,New,100 | 3,Demo,100 | 4,New,100",
    "deals_2026-01-12.csv": "1,New,100 | 2,Demo,100 | 4,New,100 | 5,New,100",
    "deals_2026-01-15.csv": "1,New,120 | 2,Won,100 | 3,Offer,100 | 5,New,100",
}


def test_snapshots(world: World) -> None:
    for file, rows in EXTRACTS.items():
        lines = [f"{row.strip()},2026-01-02,2026-01-11" for row in rows.split("|")]
        world.deliver(file, "\n".join(["id,stage,amount,created,close", *lines]))
    result = world.compute()
    assert moves(result, "crm:1") == [("New", "01-01 23:00", "inferred")]
    assert moves(result, "crm:2") == [
        ("New", "01-01 23:00", "inferred"),
        ("Demo", "01-12 00:00", "observed"),
        ("Won", "01-15 00:00", "observed"),
    ]
    assert moves(result, "crm:3") == [("Demo", "01-01 23:00", "inferred"), ("Offer", "01-15 00:00", "observed")]
    assert moves(result, "crm:5") == [("New", "01-12 00:00", "observed")]
    assert [deal["status"] for deal in result.deals] == ["open", "won", "open", "deleted", "open"]
    assert changed(result, "amount") == [("100.00", "120.00", "01-15", "observed")]
    assert changed(result, "status", "crm:2") == [("open", "won", "01-15", "observed")]
    assert changed(result, "stage", "crm:5") == []
    # Deal 5 is open from its creation on, in no known stage until the extract of the 12th; deal 4 until the 15th.
    open_on = {(row["date_day"].day, row["stage"]): row["open_deals"] for row in result.daily}
    assert [open_on.get((day, "New")) for day in (1, 2, 11, 12, 14, 15, 31)] == [None, 3, 3, 3, 3, 2, 2]
    assert [open_on.get((day, None)) for day in (2, 11, 12)] == [1, 1, None]
    amounts = {row["date_day"].day: row["open_amount"] for row in result.daily if row["stage"] == "New"}
    assert (amounts[14], amounts[15]) == (Decimal(300), Decimal(220))


def test_the_best_witness_from_its_first_word_on_and_before_it_the_next_best(world: World) -> None:
    world.deliver("deals_2026-01-10.csv", "id,stage,created\n1,New,2026-01-02\n2,New,2026-01-02")
    world.deliver("deals_2026-01-12.csv", "id,stage,created\n1,Demo,2026-01-02\n2,Demo,2026-01-02")
    world.deliver(
        "deals_2026-01-20.csv",
        "id,stage,created,Entered Demo,Entered Offer\n1,Offer,2026-01-02,2026-01-11,2026-01-16\n"
        "2,Offer,2026-01-02,2026-01-09,2026-01-16",
    )
    world.deliver("log_2026-01-20.csv", "id,field,old,new,at\n1,stage,Demo,Offer,2026-01-18 09:00:00")
    result = world.compute()
    assert moves(result, "crm:1") == [
        ("New", "01-01 23:00", "inferred"),  # the first extract spoke before the first date
        ("Demo", "01-10 23:00", "dated"),
        ("Offer", "01-15 23:00", "dated"),  # the log's Offer, two days later, changes nothing any more
    ]
    assert moves(result, "crm:2") == [("Demo", "01-08 23:00", "dated"), ("Offer", "01-15 23:00", "dated")]


def test_merged_and_deleted(world: World) -> None:
    world.deliver("deals_2026-01-10.csv", "id,stage,created,lead,merged,deleted\n1,New,2026-01-02,,,\n"
                  "2,New,2026-01-02,a;b,,\n3,New,2026-01-02,,,\n4,New,2026-01-02,,,1")  # fmt: skip
    world.deliver("deals_2026-01-12.csv", "id,stage,created,lead,merged,deleted\n1,New,2026-01-02,,2;9,\n"
                  "3,New,2026-01-02,,1,\n4,New,2026-01-02,,,0")  # fmt: skip
    world.deliver("leads_2026-01-10.csv", "id,created,status,found\na,2026-01-02,new,\nb,2026-01-01,new,")
    world.deliver("calls_2026-01-10.csv", "id,type,deal,due,done\n1,call,9;4,2026-01-03,1\n2,call,8;4,2026-01-03,1\n"
                  "3,call,8;7,2026-01-03,1")  # fmt: skip
    result = world.compute()
    assert [(deal["status"], deal["lead_key"]) for deal in result.deals] == [
        ("deleted", None),
        ("deleted", None),
        ("open", "crm:b"),
        ("open", None),
    ]
    assert [row["deal_key"] for row in result.activities] == ["crm:3", "crm:4", "crm:8"]
    assert all(lead["is_converted"] for lead in result.leads)
    days = {row["date_day"].day: row["open_deals"] for row in result.daily}
    assert (days[11], days[12]) == (4, 2)


def test_changes_told_by_a_log_go_before_those_of_extracts(world: World) -> None:
    world.deliver("deals_2026-01-05.csv", "id,stage,amount,owner,created,close\n1,New,100,o1,2026-01-02,2026-02-01")
    world.deliver("deals_2026-01-07.csv", "id,stage,amount,owner,created,close\n1,New,110,o2,2026-01-02,2026-02-01")
    world.deliver("deals_2026-01-20.csv", "id,stage,amount,owner,created,close\n1,New,130,o2,2026-01-02,2026-03-01")
    world.deliver(
        "log_2026-01-20.csv",
        """
        id,field,old,new,at
        1,amount,100,120,2026-01-08 09:00:00
        1,amount,120,,2026-01-09 09:00:00
        2,amount,,50,2026-01-08 09:00:00
        2,owner_id,o1,o2,2026-01-08 09:00:00
        2,stage,,New,2026-01-08 09:00:00
        """,
    )
    result = world.compute()
    assert changed(result, "amount") == [
        ("100.00", "110.00", "01-07", "observed"),
        ("110.00", "120.00", "01-08", "logged"),
        ("120.00", None, "01-09", "logged"),
        (None, "130.00", "01-20", "observed"),  # the newest row knows more than the log
    ]
    assert changed(result, "owner") == [("crm:o1", "crm:o2", "01-07", "observed")]
    assert changed(result, "expected_close_on") == [("2026-02-01", "2026-03-01", "01-20", "observed")]
    assert changed(result, "amount", "crm:2") == [(None, "50.00", "01-08", "logged")]
    assert changed(result, "owner", "crm:2") == [("crm:o1", "crm:o2", "01-08", "logged")]
    assert changed(result, "stage", "crm:2") == [(None, "New", "01-08", "logged")]


def test_snapshots_at_month_ends(world: World) -> None:
    world.deliver(
        "log_2026-01-20.csv",
        """
        id,field,old,new,at
        1,amount,10,20,2026-01-05 09:00:00
        1,stage,New,Demo,2025-12-01 09:00:00
        1,status,open,won,2026-01-03 09:00:00
        2,stage,,New,2025-12-31 23:30:00
        """,
    )
    world.deliver("deals_2026-01-20.csv", "id,stage,status,created,amount\n1,Demo,won,2025-11-01,20\n2,New,open,,")
    result = world.compute(as_of="2026-01-31T23:30:00Z")
    shown = [(row["snapshot_on"], row["deal_key"], row["stage"], row["days_in_stage"]) for row in result.snapshots]
    assert shown == [
        (date(2025, 11, 30), "crm:1", "New", 29),
        (date(2025, 12, 31), "crm:1", "Demo", 30),
        (date(2026, 1, 31), "crm:2", "New", 30),
    ]
    assert result.snapshots[0]["amount_reporting"] == Decimal(10)
    assert result.transitions[0]["transitioned_at"] == datetime(2025, 10, 31, 23, tzinfo=UTC)
