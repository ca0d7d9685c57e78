"""Landing folders that are odd and legal: the night publishes, and publishes what plain Python says."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tests.conftest import Warehouse
from tests.integration.hand_worked_histories import Feed, Source, deals, deliver, log
from tests.oracle import compare, compute

#: A pipeline of discounts: every amount is below zero, and a forecast can be, too.
DISCOUNTS = "delivered | deal_id | stage | amount | created_at | close_on\n" + "\n".join(
    f"{day} | {number} | {'Won' if number % 3 == 1 and day > '01-03' else 'New'} | {-100 - number}"
    f" | 2025-{1 + number % 9:02}-05 | {'2026-01-15' if number % 3 == 1 else '2026-06-01'}"
    for day in ("01-03", "01-20", "02-10")
    for number in range(40)
)
#: In yen or rupiah a hundred million is no large deal.
LARGE = """
    delivered | deal_id | stage | amount          | currency | close_on
    01-20     | own     | Won   | 123456789012.34 | EUR      | 2026-01-15
    01-20     | foreign | Won   | 1000000000      | IDR      | 2026-01-15
"""
BEYOND = """
    delivered | deal_id     | stage | amount           | currency
    01-20     | by_amount   | New   | 9000000000000000 | BTC
    01-20     | by_rate     | New   | 1                | TYP
"""
RATES = """
    delivered | rate_on    | currency | rate
    01-20     | 2026-01-01 | IDR      | 0.0000588235
    01-20     | 2026-04-01 | BTC      | 100000
    01-20     | 2026-04-01 | TYP      | 99999999999999999
"""
SPEND = """
    delivered | spent_on   | amount          | currency
    01-20     | 2026-01-10 | 500000000000000 | EUR
"""
REVENUE = """
    delivered | account_id | service_from | service_to | amount          | currency
    01-20     | a          | 2025-12-01   | 2026-02-28 | 500000000000000 | EUR
"""
#: The log is older than the CRM says the deals are.
MOVED_HERE = """
    delivered | deal_id | stage | created_at
    01-20     | moved   | New   | 2026-01-05
"""
LOG_FROM_BEFORE = """
    delivered | deal_id | field             | old_value  | new_value  | changed_at
    01-20     | moved   | expected_close_on | 2023-02-01 | 2023-05-01 | 2022-12-05 09:00:00
    01-20     | moved   | stage             | New        | Demo       | 2022-11-05 09:00:00
    01-20     | moved   | stage             | Demo       | New        | 2022-11-07 09:00:00
"""
SOURCES = {
    "discounts": Source({"deals": deals(DISCOUNTS)}),
    "large": Source(
        {
            "deals": deals(LARGE),
            "rates": Feed("exchange_rates", RATES),
            "spend": Feed("spend", SPEND),
            "revenue": Feed("revenue", REVENUE),
        }
    ),
    # what DECIMAL(18,2) cannot hold
    "beyond": Source({"deals": deals(BEYOND)}),
    "moved_here": Source({"deals": deals(MOVED_HERE), "log": log(LOG_FROM_BEFORE)}),
}
AS_OF = "2026-04-25T00:00:00Z"

FUTURE = """
    delivered | deal_id | stage | amount | created_at
    01-10     | later   | New   | 10     | 2027-01-05
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("odd_but_legal")
    deliver(folder, SOURCES)
    return folder


@pytest.fixture(scope="module")
def played(folder: Path, nightly: Callable[..., Warehouse]) -> Warehouse:
    warehouse = nightly(folder / "warehouse", folder / "pipeline.yml", folder / "landing", AS_OF)
    assert warehouse.status == 0, warehouse.output
    return warehouse


def test_a_forecast_below_zero_lies_in_its_interval(played: Warehouse) -> None:
    forecasts = played.rows(
        "select low_amount, high_amount from marts.mart_forecast where source = 'discounts' and expected_amount < 0"
    )
    assert forecasts
    assert all(low < 0 and low < high for low, high in forecasts)


def test_large_amounts_are_converted_to_the_cent(played: Warehouse) -> None:
    amounts = dict(
        played.rows("select deal_id, amount_reporting from marts.fct_deals where source in ('large', 'beyond')")
    )
    assert amounts == {
        "own": Decimal("123456789012.34"),
        "foreign": Decimal("58823.50"),
        "by_amount": None,
        "by_rate": None,
    }


def test_changes_told_of_before_the_first_month_have_months_of_their_own(played: Warehouse) -> None:
    assert played.rows(
        "select cast(month as varchar), pushes + pushes_while_closed from marts.mart_close_date_slippage"
        " where source = 'moved_here' and pushes + pushes_while_closed > 0"
    ) == [("2022-12-01", 1)]


def test_plain_python_agrees(folder: Path, played: Warehouse) -> None:
    database = played.path / "pipeline.duckdb"
    expected = compute(folder / "pipeline.yml", folder / "landing", AS_OF)
    # what DECIMAL(18,2) cannot hold plain Python can
    assert [line for line in compare.differences(expected, database) if "beyond" not in line] == []


def test_the_only_deal_is_created_in_the_future(tmp_path: Path, nightly: Callable[..., Warehouse]) -> None:
    config, landing = deliver(tmp_path, {"crm": Source({"deals": deals(FUTURE)})})
    played = nightly(tmp_path / "warehouse", config, landing, AS_OF)
    assert played.status == 0, played.output
    expected = compute(config, landing, AS_OF)
    assert compare.differences(expected, played.path / "pipeline.duckdb") == []
    assert played.value("select sum(created_deals) from marts.mart_pipeline_movements") == 1
