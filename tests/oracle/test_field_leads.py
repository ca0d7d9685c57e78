"""The oracle on leads and activities as CRMs move, close and date them (domain.md, History, metric 12), by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from . import Result
from .handmade import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def shown(result: Result, *columns: str) -> dict[str, tuple[Any, ...]]:
    return {row["lead_id"]: tuple(row[column] for column in columns) for row in result.leads}


def hours(result: Result) -> dict[str, float | None]:
    return {row["lead_id"]: row["response_hours"] for row in result.leads}


LEADS = "id,created,status,became,contact"


def test_a_call_on_the_contact_answers_the_lead(world: World) -> None:
    """Lead 2 is not converted: its person's calls are not about it. A link once told stays."""
    world.deliver(
        "leads_2026-01-06.csv",
        f"{LEADS}\n1,2026-01-05 09:00:00,,,\n2,2026-01-05 09:00:00,,,P2\n3,2026-01-05 09:00:00,,,",
    )
    world.deliver("calls_2026-01-06.csv", "id,type,lead,contact,completed\nc,call,3,,2026-01-05 12:00:00")
    world.deliver(
        "leads_2026-01-09.csv",
        f"{LEADS}\n1,2026-01-05 09:00:00,won over,,P1\n2,2026-01-05 09:00:00,,,P2\n3,2026-01-05 09:00:00,won over,,P3",
    )
    world.deliver(
        "calls_2026-01-09.csv",
        """
        id,type,lead,contact,completed
        a,call,,P1,2026-01-05 10:00:00
        b,call,,P2,2026-01-05 10:00:00
        c,call,,,2026-01-05 12:00:00
        """,
    )
    assert hours(world.compute()) == {"1": 1.0, "2": None, "3": 3.0}


def test_done_on_a_day_without_a_time(world: World) -> None:
    """Lead 1: the call was entered on the day it was done; 2: on another; 3: the extract was taken on that day."""
    world.deliver(
        "leads_2026-01-10.csv",
        "id,created\n1,2026-01-05 09:00:00\n2,2026-01-05 09:00:00\n3,2026-01-09 09:00:00\n4,2026-01-05 09:00:00",
    )
    world.deliver(
        "calls_2026-01-10.csv",
        """
        id,type,lead,completed,due,done,entered
        a,call,1,2026-01-05,,,2026-01-05 11:00:00
        b,call,2,2026-01-05,,,2026-01-06 11:00:00
        c,call,3,2026-01-10,,,
        d,call,4,,2026-01-05,yes,2026-01-05 10:30:00
        """,
    )
    done = {row["activity_id"]: f"{row['completed_at']:%m-%d %H:%M:%S}" for row in world.compute().activities}
    assert done == {
        "a": "01-05 11:00:00",
        "b": "01-05 22:59:59",
        "c": "01-10 00:00:00",
        "d": "01-05 10:30:00",
    }
    assert hours(world.compute()) == {"1": 2.0, "2": pytest.approx(13.99972), "3": 15.0, "4": 1.5}


def test_gone_from_the_inbox(world: World) -> None:
    """Of lead 2 nothing became; 3's person had a deal before; 4 is flagged; 1 and 5 became deals."""
    rows = [
        "1,2026-01-02,P1,",
        "2,2026-01-02,P2,",
        "3,2026-01-02,P3,",
        "4,2026-01-02,P4,true",
        "5,2026-01-02,,",
        "6,2026-01-02,,",
    ]
    world.deliver("leads_2026-01-05.csv", "\n".join(["id,created,contact,deleted", *rows]))
    world.deliver("leads_2026-01-06.csv", "\n".join(["id,created,contact,deleted", *rows[3:4], *rows[5:]]))
    world.deliver("leads_2026-01-07.csv", "\n".join(["id,created,contact,deleted", *rows[5:]]))
    world.deliver(
        "deals_2026-01-07.csv",
        """
        id,stage,created,contact,lead
        10,New,2026-01-05 08:00:00,P1,
        30,New,2026-01-04,P3,
        50,New,2026-01-05 09:00:00,,5
        """,
    )
    result = world.compute(when_gone="converted", thresholds='{min_volume_share: "0"}')
    assert shown(result, "is_converted", "is_closed") == {
        "1": (True, True),
        "2": (False, True),
        "3": (False, True),
        "5": (True, True),
        "6": (False, False),
    }
    assert {row["lead_id"] for row in world.compute(thresholds='{min_volume_share: "0"}').leads} == {"6"}


def test_unknown_is_not_zero(world: World) -> None:
    world.deliver("leads_2026-01-10.csv", "id,created\n1,2026-01-02")
    columns = ("leads_unanswered", "response_hours", "response_within_sla_rate")
    for activities, unanswered in ((False, None), (True, 1)):
        if activities:
            world.deliver("calls_2026-01-10.csv", "id,type\na,note")
        row = next(one for one in world.compute().monthly_metrics if one["grain"] == "source")
        assert [row[column] for column in columns] == [unanswered, None, None if unanswered is None else 0.0]
