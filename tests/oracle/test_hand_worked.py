"""The oracle against histories and figures worked out by hand from `domain.md`."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import duckdb
import pytest

from . import Result, compare
from .cells import Untold
from .handmade import World
from .stage_metrics import first_time_at_most, kaplan_meier


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def moves(result: Result, deal_key: str = "crm:1") -> list[tuple[str, str, str]]:
    """(stage, direction, evidence) of a deal's transitions."""
    rows = [row for row in result.transitions if row["deal_key"] == deal_key]
    return [(row["to_stage"], row["direction"], row["evidence"]) for row in rows]


def month_of(result: Result, month: date, grain_value: str = "all") -> dict[str, object]:
    """One row of the monthly metrics."""
    rows = result.monthly_metrics
    return next(row for row in rows if row["month"] == month and row["grain_value"] == grain_value)


WON_THEN_REOPENED = """
    id,field,old,new,at
    1,created_at,,2025-12-01 09:00:00,2025-12-01 09:00:00
    1,amount,,100,2025-12-01 09:00:00
    1,stage,New,Offer,2025-12-03 09:00:00
    1,status,open,won,2025-12-10 23:30:00
    1,stage,Offer,Onboarding,2025-12-12 09:00:00
    1,amount,100,250,2026-01-04 09:00:00
    1,status,won,lost,2026-01-05 09:00:00
"""


def test_the_stage_that_the_first_change_left_is_inferred_at_creation_and_a_mandatory_one_is_skipped(
    world: World,
) -> None:
    world.deliver("log_2026-01-10.csv", WON_THEN_REOPENED)
    result = world.compute()
    assert moves(result) == [
        ("New", "created", "inferred"),
        ("Offer", "skipped", "logged"),
        ("Won", "won", "logged"),
        ("Onboarding", "won", "logged"),
        ("Lost", "lost", "logged"),
    ]
    assert result.transitions[0]["transitioned_at"] == datetime(2025, 12, 1, 9, tzinfo=UTC)
    assert [(visit["stage"], visit["days_in_stage"], visit["outcome"]) for visit in result.visits] == [
        ("New", 2, "advanced"),
        ("Offer", 8, "advanced"),  # until 00:30 of the 11th in Berlin
    ]


@pytest.mark.parametrize(
    ("after_close", "status", "stage", "closed_on", "amount"),
    [
        ("reopen", "lost", "Lost", date(2026, 1, 5), "250"),
        ("keep_first", "won", "Won", date(2025, 12, 11), "100"),
    ],
)
def test_after_close(world: World, after_close: str, status: str, stage: str, closed_on: date, amount: str) -> None:
    world.deliver("log_2026-01-10.csv", WON_THEN_REOPENED)
    result = world.compute(after_close)
    (deal,) = result.deals
    assert (deal["status"], deal["stage"], deal["closed_on"]) == (status, stage, closed_on)
    assert (deal["amount"], deal["is_qualified"], len(moves(result))) == (Decimal(amount), True, 5)


def test_status_open_goes_back_to_the_stage_of_that_moment(world: World) -> None:
    world.deliver(
        "log_2026-01-10.csv",
        """
        id,field,old,new,at
        1,stage,,New,2026-01-01 09:00:00
        1,status,,lost,2026-01-02 09:00:00
        1,status,lost,open,2026-01-03 09:00:00
        1,stage,New,new,2026-01-04 09:00:00
        """,
    )
    result = world.compute()
    directions = [("New", "created", "logged"), ("Lost", "lost", "logged"), ("New", "reopened", "logged")]
    assert moves(result) == directions
    (deal,) = result.deals
    assert (deal["status"], deal["closed_at"], deal["is_qualified"]) == ("open", None, False)
    assert deal["created_at_is_estimated"] and deal["created_on"] == date(2026, 1, 1)


def test_current_rows_deletion_and_a_row_that_knows_more_than_the_log(world: World) -> None:
    world.deliver(
        "deals_2026-01-10.csv",
        """
        id,stage,status,created,won,lost
        1,New,open,2026-01-02,,
        2,Demo,won,2026-01-02,2026-01-08,
        3,Offer,open,2026-01-02,,
        4,Demo,lost,2026-01-02,,
        """,
    )
    world.deliver("deals_2026-01-20.csv", "id,stage,status,created,won,lost\n1,Demo,open,2026-01-02,,\n"
                  "2,Demo,won,2026-01-02,2026-01-08,\n4,Demo,lost,2026-01-02,,")  # fmt: skip
    world.deliver("log_2026-01-20.csv", "id,field,old,new,at\n1,stage,,New,2026-01-03 09:00:00")
    result = world.compute()
    assert [deal["status"] for deal in result.deals] == ["open", "won", "deleted", "lost"]
    assert moves(result, "crm:1") == [("New", "created", "logged"), ("Demo", "advanced", "observed")]
    assert moves(result, "crm:2") == [("Won", "created", "inferred")]
    assert [deal["is_qualified"] for deal in result.deals] == [True, None, None, None]
    assert result.deals[3]["closed_at"] == datetime(2026, 1, 10, tzinfo=UTC)  # the first delivery that shows it
    assert [visit["days_in_stage"] for visit in result.visits] == [17, 11]
    row = month_of(result, date(2026, 1, 1))
    assert (row["opportunities_created"], row["deals_won"], row["deals_lost"], row["win_rate"]) == (
        3,
        1,
        1,
        0.5,
    )
    assert (row["sales_cycle_days"], row["is_complete_month"]) == (6.0, False)
    assert [deal["status"] for deal in world.compute(as_of="2026-01-15").deals] == [
        "open",
        "won",
        "open",
        "lost",
    ]


def test_an_unconfigured_stage_stands_after_the_one_most_often_before_it(world: World) -> None:
    world.deliver(
        "log_2026-01-10.csv",
        """
        id,field,old,new,at
        1,stage,,New,2026-01-01 09:00:00
        1,stage,New,Legal,2026-01-02 09:00:00
        1,stage,Legal,Demo,2026-01-03 09:00:00
        2,stage,,Demo,2026-01-01 09:00:00
        2,stage,Demo,Legal,2026-01-02 09:00:00
        2,stage,Legal,Offer,2026-01-03 09:00:00
        3,stage,,Demo,2026-01-01 09:00:00
        3,stage,Demo,Legal,2026-01-02 09:00:00
        """,
    )
    result = world.compute()
    assert [move[1] for move in moves(result)] == ["created", "skipped", "regressed"]
    assert [move[1] for move in moves(result, "crm:2")] == ["created", "advanced", "advanced"]
    assert {row["to_canonical_stage"] for row in result.transitions if row["to_stage"] == "Legal"} == {"demo"}
    legal = next(row for row in result.stage_metrics if row["stage"] == "Legal")
    assert [legal[name] for name in ("entered", "advanced", "regressed", "lost", "open")] == [3, 1, 1, 0, 1]
    assert [row["stage"] for row in result.stage_metrics] == ["New", "Demo", "Legal", "Offer"]


def test_amounts_take_the_last_rate_before_the_close_unless_it_is_too_old(world: World) -> None:
    world.deliver("rates_2026-01-10.csv", "day;currency;rate\n2025-10-01;USD;0.9\n2025-12-31;USD;0.855")
    world.deliver(
        "deals_2026-01-10.csv",
        """
        id;stage;status;created;won;amount;currency
        1;New;won;2025-10-01;2025-12-02;10.01;USD
        2;New;won;2025-10-01;2025-12-03;10.01;USD
        3;New;won;2025-10-01;2026-01-02;10.01;USD
        4;New;won;2025-10-01;2026-01-02;0;
        """,
    )
    result = world.compute()
    amounts = [deal["amount_reporting"] for deal in result.deals]
    assert amounts == [Decimal("9.01"), None, Decimal("8.56"), Decimal("0.00")]
    row = month_of(result, date(2026, 1, 1))
    assert (row["won_amount"], row["won_deals_with_amount"], row["avg_deal_size"]) == (
        Decimal("8.56"),
        2,
        4.28,
    )


def test_leads(world: World) -> None:
    world.deliver(
        "leads_2026-01-10.csv",
        """
        id,created,status,found
        a,2026-01-01 10:00,new,Web
        b,2026-01-01 10:00,Won Over,Web
        c,never,new,
        d,2026-01-30 12:00,new,Fair
        e,2026-01-01 10:00,new,Fair
        """,
    )
    world.deliver(
        "calls_2026-01-10.csv",
        """
        id,type,lead,direction,due,done
        1,call,a,inbound,2026-01-01 11:00,true
        2,Call,a,outbound,2026-01-02 10:00,yes
        3,call,b,,2026-01-03 10:00,1
        4,note,e,,2026-01-01 11:00,true
        5,call,e,,2026-01-01 12:00,false
        6,call,e,,2026-02-03 12:00,true
        """,
    )
    world.deliver("deals_2026-01-10.csv", "id,stage,created,lead\n1,New,2026-01-05,a")
    result = world.compute()
    hours = {lead["lead_id"]: lead["response_hours"] for lead in result.leads}
    assert hours == {"a": 24.0, "b": 48.0, "c": None, "d": None, "e": 206.0}  # e: when first shown done
    row = month_of(result, date(2026, 1, 1))
    assert (row["new_leads"], row["converted_leads"], row["leads_unanswered"]) == (5, 2, 0)
    assert (row["response_within_sla_rate"], row["response_hours_median"]) == (1 / 3, 48.0)
    assert month_of(result, date(2026, 1, 1), "Fair")["new_leads"] == 2
    assert month_of(result, date(2026, 1, 1), "crm:default")["new_leads"] is None
    assert month_of(world.compute(as_of="2026-02-03"), date(2026, 2, 1))["is_complete_month"] is False


def test_kaplan_meier_by_hand() -> None:
    curve = kaplan_meier([(1, True), (2, True), (2, False), (3, True), (4, False)])
    assert curve == [(1, Fraction(4, 5)), (2, Fraction(3, 5)), (3, Fraction(3, 10))]
    assert first_time_at_most(curve, Fraction(1, 2)) == 3.0
    assert first_time_at_most(curve, Fraction(1, 10)) is None


def test_a_small_delivery_is_held_back_and_a_broken_one_refused(world: World) -> None:
    world.deliver("deals_2026-01-10.csv", "id,stage\n" + "\n".join(f"{place},New" for place in range(10)))
    world.deliver("deals_2026-01-11.csv", "id,stage\n" + "\n".join(f"{place},New" for place in range(4)))
    world.deliver("deals_2026-01-12.csv", 'id,stage\n1,"New')
    world.deliver("deals_2026-01-13.csv", "id,stage\n1,New,too much\n" + "\n".join(f"{n},New" for n in range(5)))
    result = world.compute()
    assert [note.split(" is not loaded")[0] for note in result.notes] == [
        "crm/deals of 2026-01-11T00:00Z",
        "crm/deals of 2026-01-12T00:00Z",
    ]
    # what a file with a rejected row lacks may be that row
    assert [deal["status"] for deal in result.deals] == ["open"] * 10
    world.deliver("deals_2026-01-14.csv", "id,stage\n" + "\n".join(f"{n},New" for n in range(5)))
    assert [deal["status"] for deal in world.compute().deals] == ["open"] * 5 + ["deleted"] * 5


def test_compare_finds_one_changed_cell_and_nothing_else(world: World, tmp_path: Path) -> None:
    world.deliver("log_2026-01-10.csv", WON_THEN_REOPENED)
    result = world.compute()
    database = tmp_path / "pipeline.duckdb"
    _publish(result, database)
    assert compare.differences(result, database) == []
    with duckdb.connect(str(database)) as connection:
        connection.execute(
            "update marts.mart_monthly_metrics set deals_lost = 7 where grain = 'owner' and deals_lost = 1"
        )
        connection.execute("update quality.hygiene_violations set allowed = 'New' where rule = 'skipped_stage'")
    assert compare.differences(result, database) == [
        "mart_monthly_metrics (2026-01-01, owner, NULL): deals_lost is 7, expected 1",
        "hygiene_violations (skipped_stage, crm:1#2): allowed is New, expected Demo",
    ]


def _publish(result: Result, database: Path) -> None:
    """The oracle's own rows, as the pipeline would publish them."""
    with duckdb.connect(str(database)) as connection:
        connection.execute("create schema marts")
        for one in compare.COMPARED:
            rows = [_stored(row) for row in getattr(result, one.rows)]
            columns = list(dict.fromkeys([*one.all_columns, *(rows[0] if rows else [])]))
            if one.table in compare.WITH_STAGE_ORDER:
                columns.append("stage_order")
                places = {(row["source"], row["pipeline"], row["stage"]): _stored(row) for row in result.stages}
                for row in rows:
                    place = places.get((row["source"], row["pipeline"], row["stage"]))
                    row["stage_order"] = place["stage_order"] if place else None
            if one.table == "fct_stage_transitions":
                columns.append("transition_key")
                rows = [row | {"transition_key": f"{row['deal_key']} {row['transition_number']}"} for row in rows]
            if one.table == "fct_stage_visits":
                columns.append("visit_key")
                rows = [row | {"visit_key": str(number)} for number, row in enumerate(rows)]
            columns = [column for column in dict.fromkeys(columns) if column != "stage_rank"]
            kinds = ", ".join(f'"{column}" {_kind(column, rows)}' for column in columns)
            connection.execute(f"create table marts.{one.table} ({kinds})")
            marks = ", ".join("?" for _ in columns)
            for row in rows:
                connection.execute(f"insert into marts.{one.table} values ({marks})", _naive(row, columns))
        texts = ", ".join(f"{column} text" for column in [*compare.VIOLATION_COLUMNS, "resolved_on"])
        connection.execute("create schema quality")
        connection.execute(f"create table quality.hygiene_violations ({texts})")
        kinds = ", ".join(f"{column} {_kind(column, result.scores)}" for column in compare.SCORE_COLUMNS)
        connection.execute(f"create table quality.hygiene_scores ({kinds})")
        for score in result.scores:
            values = [score[column] for column in compare.SCORE_COLUMNS]
            connection.execute("insert into quality.hygiene_scores values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        files = [row | {"file": row["sha256"]} for row in result.files]
        kinds = ", ".join(f"{column} {_kind(column, files)}" for column in files[0])
        connection.execute(f"create table quality.deliveries ({kinds})")
        for row in files:
            marks = ", ".join("?" for _ in row)
            connection.execute(f"insert into quality.deliveries values ({marks})", _naive(row, list(row)))
        connection.execute("create table quality.row_accounting as from quality.deliveries")
        for row in result.violations:
            values = [None if row[column] is None else str(row[column]) for column in compare.VIOLATION_COLUMNS]
            connection.execute("insert into quality.hygiene_violations values (?, ?, ?, ?, ?, ?, ?, null)", values)
        connection.execute("update quality.hygiene_violations set record_key = replace(record_key, '#', ' ')")


UNSAID = {"stage_order": 99.0, "win_probability": 1.0, "is_configured": False}


def _stored(row: dict[str, object]) -> dict[str, object]:
    """With some place for stages whose place is not told."""
    return {name: UNSAID[name] if isinstance(value, Untold) else value for name, value in row.items()}


def _naive(row: dict[str, object], columns: list[str]) -> list[object]:
    return [value.replace(tzinfo=None) if isinstance(value := row[c], datetime) else value for c in columns]


def _kind(column: str, rows: list[dict[str, object]]) -> str:
    value = next((row[column] for row in rows if row[column] is not None), "")
    kinds = {
        bool: "boolean",
        int: "integer",
        float: "double",
        Decimal: "decimal(18,2)",
        datetime: "timestamp",
    }
    return "date" if type(value) is date else kinds.get(type(value), "text")
