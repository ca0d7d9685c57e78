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


def test_a_survivor_that_an_extract_knew_stands_where_it_stood(world: World) -> None:
    """Deal 1 was flagged from its first row on, beside deal 2; that it went into it is told two days later."""
    heading = "id,stage,amount,created,deleted,merged"
    first = f"{heading}\n1,New,100,2026-01-02,yes,\n2,New,50,2026-01-05,no,"
    world.deliver("deals_2026-01-10.csv", first)
    world.deliver("deals_2026-01-12.csv", f"{heading}\n2,New,50,2026-01-05,no,1")
    days = open_deals(world)
    assert [days[day] for day in ("04", "06", "10", "12")] == [(1, "100.00"), (2, "150.00"), (1, "50.00"), (1, "50.00")]
    month = january(world)
    moved = {name: month[f"{name}_deals"] for name in ("created", "deleted", "merged", "closing")}
    assert moved == {"created": 2, "deleted": 1, "merged": 0, "closing": 1}


def test_a_survivor_that_is_named_before_it_is_delivered_enters_on_the_day_of_the_merge(world: World) -> None:
    heading = "id,stage,amount,created,into"
    world.deliver("deals_2026-01-10.csv", f"{heading}\n1,New,100,2026-01-02,")
    world.deliver("deals_2026-01-12.csv", f"{heading}\n1,New,100,2026-01-02,3")
    world.deliver("deals_2026-01-14.csv", f"{heading}\n1,New,100,2026-01-02,3\n3,New,70,2026-01-02,")
    days = open_deals(world)
    assert (days["11"], days["12"], days["14"]) == ((1, "100.00"), (1, "70.00"), (1, "70.00"))
    assert (january(world)["merged_deals"], january(world)["merged_amount"]) == (0, -30)
