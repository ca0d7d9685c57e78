"""The oracle's funnel and Aalen-Johansen on a handful of deals, worked by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .handmade import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


LOG = """
    id,field,old,new,at
    a,stage,New,Demo,2026-01-03 12:00
    a,stage,Demo,Won,2026-01-05 12:00
    b,stage,New,Offer,2026-01-03 12:00
    b,stage,Offer,New,2026-01-04 12:00
    b,stage,New,Lost,2026-01-05 12:00
    c,stage,New,Demo,2026-01-03 12:00
"""
DEALS = """
    id,stage,created
    a,Won,2026-01-01 12:00
    b,Lost,2026-01-01 12:00
    c,Demo,2026-01-01 12:00
    d,Lost,2026-01-01 12:00
"""


def test_funnel(world: World) -> None:
    """a reached all, b proposal at the furthest, where it counts as dropped, c demo; nobody knows of d's stages."""
    world.deliver("deals_2026-01-10.csv", DEALS)
    world.deliver("log_2026-01-10.csv", LOG)
    rows = {row["step"]: row for row in world.compute().funnel if row["entity"] == "deals"}
    shown = {step: (row["created"], row["reached"], row["dropped"], row["ended"]) for step, row in rows.items()}
    assert shown == {
        "prospecting": (4, 3, 0, 3),
        "contact": (4, 3, 0, 3),
        "qualifying": (4, 3, 0, 3),
        "demo": (4, 3, 0, 2),
        "proposal": (4, 2, 1, 2),
        "closing": (4, 1, 0, 1),
        "won": (4, 1, None, None),
    }
    assert rows["proposal"]["drop_off_rate"] == 0.5
    assert rows["closing"]["conversion_from_previous"] == 0.5


def test_win_probability(world: World) -> None:
    """Of four, a is won and b lost on day 4, d on day 9: closed without a date, when first shown. c is open."""
    world.deliver("deals_2026-01-10.csv", DEALS)
    world.deliver("log_2026-01-10.csv", LOG)
    rows = [row for row in world.compute().win_probability if row["cohort"] == "all"]
    names = ("age_days", "at_risk", "won", "lost", "censored", "won_probability", "lost_probability")
    assert [_shown(row, names) for row in rows] == [
        (4, 4, 1, 1, 0, 0.25, 0.25),
        (9, 2, 0, 1, 0, 0.25, 0.5),
        (30, 1, 0, 0, 1, 0.25, 0.5),
    ]
    assert [row["open_probability"] for row in rows] == [0.5, 0.25, 0.25]


def _shown(row: dict[str, Any], names: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)
