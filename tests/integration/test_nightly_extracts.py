"""A CRM without any history: five nightly full extracts by hand, one of which has lost most of its rows."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256

import pytest

from tests.conftest import Warehouse
from tests.faults.nights import Nights

CONFIG = """
timezone: UTC
currency: EUR
landing_dir: landing
sources:
  - name: list
    feeds:
      deals:
        entity: deals
        files: ["deals_*.csv"]
        columns: {{deal_id: Id, stage: Stage, amount: Value, owner_id: Rep, created_at: Created, close_on: Close}}
        confirmed: [{confirmed}]
    pipelines:
      - stages:
          - {{name: New, canonical: prospecting}}
          - {{name: Demo, canonical: demo, qualified: true}}
          - {{name: Won, canonical: won}}
          - {{name: Lost, canonical: lost}}
"""
HEADER = "Id,Stage,Value,Rep,Created,Close"
#: Night → the whole list. 3 is away on the 3rd, 4 comes on the 2nd, 5 never changes, 6 is won before the first.
EXTRACTS = {
    1: "1,New,100,ann,2025-05-01,2025-07-01;2,New,100,ann,2025-05-01,;3,Demo,70,bob,2025-05-10,;"
    "5,New,,ann,2025-05-20,;6,Won,500,bob,2025-04-01,2025-05-15",
    2: "1,Demo,100,ann,2025-05-01,2025-07-01;2,New,120,bob,2025-05-01,;3,Demo,70,bob,2025-05-10,;"
    "4,Demo,40,ann,2025-06-01,;5,New,,ann,2025-05-20,;6,Won,500,bob,2025-04-01,2025-05-15",
    3: "1,Demo,100,ann,2025-05-01,2025-08-01;2,New,120,bob,2025-05-01,;4,Demo,40,ann,2025-06-01,;"
    "5,New,,ann,2025-05-20,;6,Won,500,bob,2025-04-01,2025-05-15",
    4: "1,New,100,ann,2025-05-01,2025-08-01;2,Lost,120,bob,2025-05-01,2025-06-03;3,New,70,bob,2025-05-10,;"
    "4,Demo,40,ann,2025-06-01,;5,New,,ann,2025-05-20,;6,Won,500,bob,2025-04-01,2025-05-15",
    5: "1,New,100,ann,2025-05-01,2025-08-01;6,Won,500,bob,2025-04-01,2025-05-15",
}
SMALL = (HEADER + "\n" + EXTRACTS[5].replace(";", "\n") + "\n").encode()

TRANSITIONS = """
    select deal_id, to_stage, transitioned_at, evidence
    from marts.fct_stage_transitions
    inner join marts.fct_deals using (deal_key)
    order by deal_id, transition_number
"""
STATUSES = "select deal_id, status, deleted_at from marts.fct_deals order by deal_id"


def moment(month: int, day: int, hour: int = 0) -> datetime:
    return datetime(2025, month, day, hour)


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Nights:
    nights = Nights(tmp_path_factory.mktemp("nights"))
    nights.config.write_text(CONFIG.format(confirmed=""), encoding="utf-8")
    for night, rows in EXTRACTS.items():
        nights.deliver(f"list/deals_2025-06-0{night}.csv", HEADER + "\n" + rows.replace(";", "\n"))
    return nights


@pytest.fixture(scope="module")
def held_back(nights: Nights) -> Warehouse:
    played = nights.play("2025-06-05T02:00:00Z")
    nights.keep("held back")
    return Warehouse(nights.kept("held back"), played.status, played.output)


@pytest.fixture(scope="module")
def confirmed(nights: Nights, held_back: Warehouse) -> Warehouse:
    assert held_back.status == 0, held_back.output
    nights.config.write_text(CONFIG.format(confirmed=sha256(SMALL).hexdigest()), encoding="utf-8")
    return nights.play("2025-06-05T02:00:00Z")


def test_the_history_is_the_difference_of_the_nights(held_back: Warehouse) -> None:
    assert held_back.rows(TRANSITIONS) == [
        ("1", "New", moment(5, 1), "inferred"),
        ("1", "Demo", moment(6, 2), "observed"),
        ("1", "New", moment(6, 4), "observed"),
        ("2", "New", moment(5, 1), "inferred"),
        ("2", "Lost", moment(6, 4), "observed"),
        ("3", "Demo", moment(5, 10), "inferred"),
        ("3", "New", moment(6, 4), "observed"),
        ("4", "Demo", moment(6, 2), "observed"),
        ("5", "New", moment(5, 20), "inferred"),
        ("6", "Won", moment(5, 15), "inferred"),
    ]


def test_amounts_owners_and_close_dates_change_with_the_night_that_shows_it(held_back: Warehouse) -> None:
    changes = held_back.rows(
        "select split_part(deal_key, ':', 2), field, old_value, new_value, changed_at from marts.fct_deal_changes "
        "where field in ('amount', 'owner', 'expected_close_on') order by all"
    )
    assert changes == [
        ("1", "expected_close_on", "2025-07-01", "2025-08-01", moment(6, 3)),
        ("2", "amount", "100.00", "120.00", moment(6, 2)),
        ("2", "expected_close_on", None, "2025-06-03", moment(6, 4)),
        ("2", "owner", "list:ann", "list:bob", moment(6, 2)),
    ]


@pytest.mark.parametrize(
    ("day", "open_deals"),
    [
        (date(2025, 5, 31), [("Demo", 1, Decimal(70)), ("New", 3, Decimal(200))]),
        (date(2025, 6, 1), [("Demo", 1, Decimal(70)), ("New", 3, Decimal(200)), (None, 1, Decimal(40))]),
        (date(2025, 6, 3), [("Demo", 3, Decimal(210)), ("New", 2, Decimal(120))]),
        (date(2025, 6, 5), [("Demo", 1, Decimal(40)), ("New", 3, Decimal(170))]),
    ],
)
def test_the_pipeline_day_by_day(
    held_back: Warehouse, day: date, open_deals: list[tuple[str | None, int, Decimal]]
) -> None:
    sql = "select stage, open_deals, open_amount from marts.mart_pipeline_daily where date_day = ? order by stage"
    assert held_back.rows(sql, day) == open_deals


def test_a_delivery_that_lost_most_of_its_rows_deletes_nothing_and_says_so(held_back: Warehouse) -> None:
    states = held_back.rows("select extracted_at, state, message from quality.deliveries order by extracted_at")
    assert [state for _, state, _ in states] == ["loaded"] * 4 + ["held_back"]
    assert f"add its sha256 {sha256(SMALL).hexdigest()} to `confirmed` of feed 'deals'" in states[-1][2]
    assert "deals_2025-06-05.csv: held_back" in held_back.output
    listed = held_back.rows("select record_key from quality.hygiene_violations where rule = 'delivery_held_back'")
    assert len(listed) == 1 and listed[0][0].startswith("list:deals:2025-06-05")
    assert held_back.rows(STATUSES) == [
        ("1", "open", None),
        ("2", "lost", None),
        ("3", "open", None),
        ("4", "open", None),
        ("5", "open", None),
        ("6", "won", None),
    ]


def test_once_confirmed_it_goes_through(confirmed: Warehouse) -> None:
    assert confirmed.status == 0, confirmed.output
    gone = moment(6, 5)
    assert confirmed.rows(STATUSES) == [
        ("1", "open", None),
        ("2", "deleted", gone),
        ("3", "deleted", gone),
        ("4", "deleted", gone),
        ("5", "deleted", gone),
        ("6", "won", None),
    ]
    # the open ones leave the pipeline on that day, not before
    daily = "select date_day, sum(open_deals) from marts.mart_pipeline_daily where date_day >= ? group by 1 order by 1"
    assert confirmed.rows(daily, date(2025, 6, 3)) == [
        (date(2025, 6, 3), 5),
        (date(2025, 6, 4), 4),
        (date(2025, 6, 5), 1),
    ]
