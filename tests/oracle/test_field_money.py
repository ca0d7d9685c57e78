"""The oracle on currencies and rates as CRMs and people write them (domain.md, Time and money), worked by hand."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from . import Result
from .currencies import Money, money
from .handmade import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.mark.parametrize(
    ("cell", "column", "read"),
    [
        ("900", None, ("900", None)),
        ("€ 900", None, ("900", "EUR")),
        ("900 €", "EUR", ("900", "EUR")),
        ("€ 900", "USD", None),
        ("USD 1000", None, ("1000", "USD")),
        ("1000USD", None, ("1000", "USD")),
        ("$ 1000", None, None),
        ("$ 1000", "CAD", ("1000", "CAD")),
        ("-€5", None, ("-5", "EUR")),
        ("(£ 5)", "GBP", ("-5", "GBP")),
        ("1200 kr", "SEK", ("1200", "SEK")),
        ("ABC 12", None, None),
        ("SHP001", None, None),
        ("n/a", None, None),
    ],
)
def test_cells(cell: str, column: str | None, read: tuple[str, str | None] | None) -> None:
    """In a source whose currency is the euro."""
    assert money(cell, column, "EUR") == (Money(Decimal(read[0]), read[1]) if read else None)


def test_a_dollar_is_the_sources_if_it_has_one() -> None:
    assert money("$ 1000", None, "CAD") == Money(Decimal(1000), "CAD")


def worth(result: Result) -> dict[str, tuple[str, str]]:
    return {row["deal_id"]: (row["currency"], str(row["amount_reporting"])) for row in result.deals}


def test_signs_and_codes_are_currencies(world: World) -> None:
    world.deliver("rates_2026-01-20.csv", "day,currency,rate\n2026-01-19,USD,0.5")
    world.deliver("deals_2026-01-20.csv", "id,stage,amount\n1,New,€ 900\n2,New,$ 1000\n3,New,USD 1000\n4,New,ABC 12")
    result = world.compute()
    assert worth(result) == {
        "1": ("EUR", "900.00"),
        "2": ("EUR", "None"),
        "3": ("USD", "500.00"),
        "4": ("EUR", "None"),
    }
    unread = {row["record_key"] for row in result.violations if row["rule"] == "unparseable_value"}
    assert unread == {"crm:deals:2:amount", "crm:deals:4:amount"}


RATES = """
    day,currency,rate,until
    0000-12-30,USD,2,2025-06-01
    2025-06-01,USD,1.25,9999-12-31
    2025-06-01,GBP,0.8,
    2025-01-01,CHF,1.1,2026-01-10
"""


def test_rates_per_unit_of_the_reporting_currency(world: World) -> None:
    """1250 USD at 1.25 are 1000 EUR, however old; before that since ever; without an end 62 days; and an end is one."""
    world.deliver("rates_2026-01-20.csv", RATES)
    world.deliver(
        "deals_2026-01-20.csv",
        """
        id,stage,amount,currency,created,won
        1,New,1250,USD,2026-01-02,
        2,Won,1000,USD,2024-01-02,2024-02-02
        3,New,800,GBP,2026-01-02,
        4,Won,800,GBP,2025-06-02,2025-07-02
        5,Won,110,CHF,2025-01-02,2026-01-09
        6,New,110,CHF,2026-01-02,
        """,
    )
    result = world.compute(rate_means="units_per_reporting")
    worths = [amount for _, amount in worth(result).values()]
    assert worths == ["1000.00", "500.00", "None", "1000.00", "100.00", "None"]
    assert {row["record_key"] for row in result.violations if row["rule"] == "missing_exchange_rate"} == {
        "crm:3",
        "crm:6",
    }


def test_each_amount_is_in_the_currency_of_its_moment(world: World) -> None:
    """100 USD until the 12th, 100 EUR since; closed on the 15th, in dollars again on the 20th."""
    world.deliver("rates_2026-01-20.csv", "day,currency,rate\n2026-01-02,USD,0.5")
    world.deliver(
        "deals_2026-01-25.csv",
        "id,stage,amount,currency,created\n1,Won,100,USD,2026-01-05\n2,New,100,EUR,2026-01-05",
    )
    world.deliver(
        "log_2026-01-25.csv",
        """
        id,field,old,new,at
        1,currency,USD,EUR,2026-01-12 10:00:00
        1,stage,New,Won,2026-01-15 10:00:00
        1,currency,EUR,USD,2026-01-20 10:00:00
        2,currency,USD,EUR,2026-01-12 10:00:00
        """,
    )
    result = world.compute()
    assert worth(result) == {"1": ("EUR", "100.00"), "2": ("EUR", "100.00")}
    daily = {(f"{row['date_day']:%d}", row["open_deals"]): str(row["open_amount"]) for row in result.daily}
    assert daily["11", 2] == "100.00"
    assert daily["13", 2] == "200.00"
    moved = next(row for row in result.movements if f"{row['month']:%m}" == "01")
    assert (moved["created_amount"], moved["increased_amount"], moved["won_amount"]) == (100, 100, 100)
