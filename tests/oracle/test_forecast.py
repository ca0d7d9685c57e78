"""The backtest knows nothing of what came after the day it looks ahead from."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from pathlib import Path

from .handmade import World

CUT = datetime(2025, 9, 1)
KNOWN_ON_THE_DAY = [
    "open_deals",
    "open_amount",
    "deals_without_amount",
    "assumed_amount",
    "expected_deals",
    "expected_amount",
    "low_amount",
    "high_amount",
    "last_year_amount",
    "trailing_mean_amount",
]


def log(future: str) -> str:
    """A change log of 2025. `future` decides, from the same draws, how what happens after the cut turns out."""
    chance = random.Random("one past, two futures")
    lines = ["id,field,old,new,at"]
    for deal in range(150):
        at = datetime(2025, 1, 1, 9) + timedelta(days=chance.randrange(330))
        draws = random.Random(f"{deal} {future if at > CUT else 'past'}")
        lines.append(f"{deal},created_at,,{at},{at}")
        lines.append(f"{deal},amount,,{draws.randrange(100, 900)},{at}")
        for event in range(3):
            at += timedelta(days=chance.randrange(1, 50))
            draws = random.Random(f"{deal} {event} {future if at > CUT else 'past'}")
            if at > datetime(2025, 12, 30):
                break
            if event < 2:
                lines.append(f"{deal},stage,{('New', 'Demo')[event]},{('Demo', 'Offer')[event]},{at}")
                lines.append(f"{deal},amount,,{draws.randrange(100, 900)},{at}")
                lines.append(f"{deal},expected_close_on,,{(at + timedelta(days=draws.randrange(60))).date()},{at}")
            else:
                lines.append(f"{deal},status,open,{draws.choice(['won', 'lost'])},{at}")
    return "\n".join(lines)


def test_two_futures_of_one_past_have_one_backtest_up_to_it(tmp_path: Path) -> None:
    backtests = []
    for future in ("bright", "dark"):
        world = World(tmp_path / future)
        world.folder.mkdir()
        world.deliver("log_2026-01-01.csv", log(future))
        rows = world.compute(as_of="2026-01-02T00:00:00Z").forecast_backtest
        backtests.append({(row["forecast_on"], row["month"]): row for row in rows})
    bright, dark = backtests
    before = [key for key in bright if key[0] < CUT.date()]
    assert len(before) > 20
    for key in before:
        assert [bright[key][name] for name in KNOWN_ON_THE_DAY] == [dark[key][name] for name in KNOWN_ON_THE_DAY], key
    assert any(bright[key]["expected_amount"] for key in before)
    assert any(bright[key]["actual_amount"] != dark[key]["actual_amount"] for key in before)
    assert any(bright[key]["expected_amount"] != dark[key]["expected_amount"] for key in bright if key not in before)


def test_a_month_end_is_forecast_once_for_each_month_ahead(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.deliver("log_2026-01-01.csv", log("bright"))
    rows = world.compute(as_of="2026-01-02T00:00:00Z").forecast_backtest
    of_june = [row for row in rows if row["forecast_on"] == date(2025, 6, 30)]
    assert [row["month"] for row in of_june] == [date(2025, month, 1) for month in range(7, 13)]
