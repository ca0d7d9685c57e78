"""The oracle on merged deals: the past stays, the month of the merge has the net effect (domain.md, History)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .handmade import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def january(world: World) -> dict[str, Any]:
    return next(row for row in world.compute().movements if f"{row['month']:%Y-%m}" == "2026-01")


def open_deals(world: World) -> dict[str, tuple[int, str]]:
    return {f"{row['date_day']:%d}": (row["open_deals"], str(row["open_amount"])) for row in world.compute().daily}


def test_a_new_record_survives(world: World) -> None:
    """Deals 1 and 2 of 100 and 50 became 3, of 150, which says it was created with the first of them."""
    world.deliver("deals_2026-01-10.csv", "id,stage,amount,created\n1,New,100,2026-01-02\n2,New,50,2026-01-05")
    world.deliver(
        "deals_2026-01-12.csv", "id,stage,amount,created,merged\n3,New,160,2026-01-02,1;2\n4,New,1,2026-01-11,"
    )
    days = open_deals(world)
    assert days["04"] == (1, "100.00")
    assert days["06"] == (2, "150.00")
    assert days["12"] == (2, "161.00")
    month = january(world)
    moved = {name: str(month[f"{name}_deals"]) for name in ("created", "deleted", "merged", "closing")}
    assert moved == {"created": "3", "deleted": "0", "merged": "-1", "closing": "2"}
    assert (month["merged_amount"], month["closing_amount"]) == (10, 161)


def test_a_known_record_survives(world: World) -> None:
    world.deliver("deals_2026-01-10.csv", "id,stage,amount,created\n1,New,100,2026-01-02\n2,New,50,2026-01-05")
    world.deliver("deals_2026-01-12.csv", "id,stage,amount,created,merged\n2,New,50,2026-01-05,1")
    month = january(world)
    assert (month["created_deals"], month["merged_deals"], month["merged_amount"], month["closing_deals"]) == (
        2,
        -1,
        -100,
        1,
    )
    assert [row["rule"] for row in world.compute().violations if row["rule"] == "deleted_deal"] == []


def test_a_closed_survivor_never_enters(world: World) -> None:
    """Won before the merge was seen: what was open leaves, and nothing comes."""
    world.deliver("deals_2026-01-10.csv", "id,stage,amount,created\n1,New,100,2026-01-02\n2,New,50,2026-01-05")
    world.deliver("deals_2026-01-12.csv", "id,stage,amount,created,won,merged\n3,Won,150,2026-01-02,2026-01-11,1;2")
    month = january(world)
    assert (month["won_deals"], month["merged_deals"], month["closing_deals"]) == (0, -2, 0)
