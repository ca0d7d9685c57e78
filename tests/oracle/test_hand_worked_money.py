"""Spend, revenue and what they give, worked out by hand from `domain.md`, metrics 9 and 11."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from . import Result
from .handmade import World

DEALS = """
    id,pipeline,stage,status,account,owner,created,won
    1,default,New,won,a,u1,2025-01-02,2025-01-10
    2,default,New,won,b,u1,2025-01-02,2025-02-10
    3,default,New,won,a,u1,2025-01-02,2025-02-11
"""
RATES = """
    day,currency,rate
    2025-01-01,USD,0.5
    2025-02-01,USD,0.4
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.deliver("deals_2026-01-31.csv", DEALS)
    made.deliver("rates_2026-01-31.csv", RATES)
    return made


def cell(result: Result, month: date, column: str, grain: str = "all", value: str | None = "all") -> object:
    """One cell of the monthly metrics."""
    wanted = (month, grain, value)
    return next(
        row[column] for row in result.monthly_metrics if (row["month"], row["grain"], row["grain_value"]) == wanted
    )


def revenue(result: Result, account: str) -> dict[str, object]:
    """Month → an account's revenue."""
    rows = [row for row in result.customer_months if row["account_key"] == f"crm:{account}"]
    return {f"{row['month']:%Y-%m}": row["revenue_reporting"] for row in rows}


def test_spend_in_two_currencies_by_the_attributes_it_carries(world: World) -> None:
    world.deliver(
        "spend_2025-03-31.csv",
        """
        month,amount,currency,pipeline,owner,segment,found,deleted
        2025-01,100,EUR,DEFAULT,,,Web,
        2025-01,100,usd,,u1,,,
        2025-03,10,,,,,,
        2025-03,99,EUR,,,,,yes
        """,
    )
    # the same rows again in a later increment count once
    world.deliver("spend_2025-04-30.csv", "month,amount,currency\n2025-04,1,SEK\n2025-03,10,")
    result = world.compute()
    months = [date(2025, month, 1) for month in range(1, 6)]
    assert [cell(result, month, "spend") for month in months] == [150, 0, 10, None, 0]
    assert [cell(result, month, "cac") for month in months] == [150, 0, None, None, None]
    assert [cell(result, month, "spend", "pipeline", "crm:default") for month in months[:2]] == [100, 0]
    assert [cell(result, month, "spend", "owner", "crm:u1") for month in months[:2]] == [50, 0]
    assert [cell(result, month, "spend", "lead_source", "Web") for month in months[:2]] == [100, 0]
    assert cell(result, months[0], "spend", "segment", None) is None
    assert cell(result, months[0], "spend", "lead_source", None) is None


def test_a_service_period_is_spread_and_a_refund_is_subtracted(world: World) -> None:
    world.deliver(
        "revenue_2026-01-31.csv",
        """
        account,day,from,to,amount,currency
        a,,2025-01-15,2025-03-14,100,USD
        a,2025-02-20,,,-5,
        b,2025-02-01,2025-01-01,2024-12-31,10,EUR
        c,2025-02-01,,,10,SEK
        d,,2025-12-01,2026-11-30,1200,EUR
        e,,,,10,EUR
        """,
    )
    result = world.compute()
    # USD 100 at the rate of 15 January: 50, spread over three months
    assert revenue(result, "a") == {
        "2025-01": Decimal("16.66"),
        "2025-02": Decimal("11.66"),
        "2025-03": Decimal("16.68"),
        "2025-04": 0,
    }
    assert revenue(result, "b") == {"2025-02": 10, "2025-03": 0}
    assert revenue(result, "c") == {"2025-02": None, "2025-03": 0}
    assert revenue(result, "d") == {"2025-12": 100, "2026-01": 100}
    assert revenue(result, "e") == {}
    churned = [(row["account_key"], row["month"]) for row in result.customer_months if row["is_churned"]]
    assert churned == [("crm:a", date(2025, 4, 1)), ("crm:b", date(2025, 3, 1)), ("crm:c", date(2025, 3, 1))]


#: crm:a pays all of 2025; crm:b leaves in May and comes back for August.
A_YEAR = """
    account,day,from,to,amount,currency
    a,,2025-01-01,2025-12-31,1200,EUR
    b,,2025-01-01,2025-04-30,400,EUR
    b,2025-08-31,,,100,EUR
"""


def test_lifetime_value_is_defined_after_twelve_months(world: World) -> None:
    world.deliver("accounts_2026-01-31.csv", "id,segment\na,Retail\nb,Energy")
    world.deliver("revenue_2026-01-31.csv", A_YEAR)
    world.deliver("spend_2026-01-31.csv", "month,amount\n2025-12,10")
    result = world.compute(gross_margin="0.5")
    december = date(2025, 12, 1)
    # 1700 in 17 customer-months, half of it left; crm:b left twice in 11 + 5 months that could have followed
    assert cell(result, december, "clv") == pytest.approx(100 * 0.5 / (2 / 16))
    assert cell(result, december, "clv", "source", "crm") == pytest.approx(400)
    assert cell(result, december, "clv", "segment", "Energy") == pytest.approx(100 * 0.5 / (2 / 5))
    assert cell(result, december, "clv_to_cac") is None  # nobody became a customer
    reasons = {
        ("all", "all", date(2025, 11, 1)): "fewer than 12 months since the first revenue",
        ("all", "all", date(2026, 1, 1)): "the month is not over",
        ("segment", "Retail", december): "no customer churned",
        ("owner", "crm:u1", december): "not defined for this grain",
    }
    for (grain, value, month), reason in reasons.items():
        assert cell(result, month, "clv_null_reason", grain, value) == reason
    assert all((row["clv"] is None) == (row["clv_null_reason"] is not None) for row in result.monthly_metrics)


def test_no_lifetime_value_without_margin_or_rate(world: World) -> None:
    world.deliver("revenue_2026-01-31.csv", A_YEAR + "\nb,2025-09-01,,,100,SEK")
    december = date(2025, 12, 1)
    assert cell(world.compute(), december, "clv_null_reason") == "no gross margin is configured"
    assert cell(world.compute(gross_margin="0.5"), december, "clv_null_reason") == "an exchange rate is missing"


def test_revenue_without_any_column_of_a_day_is_refused(world: World) -> None:
    world.deliver("revenue_2026-01-31.csv", "account,from,amount\na,2025-01-01,10")
    result = world.compute()
    assert ["has no column revenue_on" in note for note in result.notes] == [True]
