"""The oracle on what CRMs write into histories (domain.md, Stages and History), worked by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from .handmade import World
from .test_hand_worked_shapes import changed, moves

SECOND_PIPELINE = """
    - name: Renewals
      aliases: ["R"]
      stages:
        - {name: Due, canonical: contact, aliases: ["31"]}
        - {name: Demo, canonical: demo}
        - {name: Agreed, canonical: proposal, aliases: ["33"]}
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def rules(world: World, rule: str, **options: str) -> list[str]:
    return [row["record_key"] for row in world.compute(**options).violations if row["rule"] == rule]


def test_unconfigured_stage_means_what_its_rows_say(world: World) -> None:
    """Signed is won by every row that says anything; of Pending two rows disagree; nothing is said of Limbo."""
    world.deliver(
        "deals_2026-01-20.csv",
        """
        id,stage,status,created,close
        1,Signed,won,2026-01-02,2026-01-12
        2,signed,,2026-01-02,2026-01-12
        3,Pending,won,2026-01-02,2026-01-13
        4,Pending,open,2026-01-02,
        5,Limbo,,2026-01-02,
        """,
    )
    result = world.compute()
    shown = {row["deal_id"]: (row["stage"], row["status"], str(row["closed_on"])) for row in result.deals}
    assert shown == {
        "1": ("Signed", "won", "2026-01-12"),
        "2": ("Signed", "won", "2026-01-12"),
        "3": ("Won", "won", "2026-01-13"),
        "4": ("Pending", "open", "None"),
        "5": ("Limbo", "open", "None"),
    }
    assert rules(world, "unmapped_stage") == ["crm:1", "crm:2", "crm:4", "crm:5"]


def test_entering_an_unconfigured_closed_stage_is_the_close(world: World) -> None:
    world.deliver("deals_2026-01-20.csv", "id,stage,status,created,close\n1,Gone,lost,2026-01-02,2026-01-31")
    world.deliver(
        "log_2026-01-20.csv",
        """
        id,field,old,new,at
        1,stage,New,Demo,2026-01-05 10:00:00
        1,stage,Demo,Gone,2026-01-09 10:00:00
        """,
    )
    result = world.compute()
    assert moves(result)[1:] == [("Demo", "01-05 10:00", "logged"), ("Gone", "01-09 10:00", "logged")]
    assert [(row["stage"], row["outcome"]) for row in result.visits] == [("New", "advanced"), ("Demo", "lost")]
    assert f"{result.deals[0]['closed_at']:%m-%d %H:%M}" == "01-09 10:00"


def test_stage_of_another_pipeline(world: World) -> None:
    """New and Due are in one pipeline only; Demo is in both: the deal was still in that of New."""
    world.deliver(
        "deals_2026-01-20.csv",
        """
        id,pipeline,stage,created,Entered New,Entered Demo,Entered 31
        1,R,31,2026-01-02,2026-01-02,2026-01-04,2026-01-06
        """,
    )
    result = world.compute(more_pipelines=SECOND_PIPELINE)
    assert [(row["pipeline"], row["to_stage"]) for row in result.transitions] == [
        ("default", "New"),
        ("default", "Demo"),
        ("Renewals", "Due"),
    ]
    assert changed(result, "pipeline") == [("default", "Renewals", "01-05", "dated")]


def test_stages_of_a_log_that_names_no_pipeline(world: World) -> None:
    world.deliver("deals_2026-01-20.csv", "id,pipeline,stage,created\n1,Renewals,Agreed,2026-01-02")
    world.deliver(
        "log_2026-01-20.csv",
        """
        id,field,old,new,at
        1,stage,New,Offer,2026-01-05 10:00:00
        1,stage,Offer,33,2026-01-09 10:00:00
        """,
    )
    result = world.compute(more_pipelines=SECOND_PIPELINE)
    assert [(row["pipeline"], row["to_stage"]) for row in result.transitions] == [
        ("default", "New"),
        ("default", "Offer"),
        ("Renewals", "Agreed"),
    ]


def test_pipeline_changed_before_the_first_stage_change(world: World) -> None:
    """Both have a Demo: the deal was in the first one's until it was moved."""
    world.deliver("deals_2026-01-20.csv", "id,pipeline,stage,created\n1,Renewals,Agreed,2026-01-02")
    world.deliver(
        "log_2026-01-20.csv",
        """
        id,field,old,new,at
        1,pipeline,default,Renewals,2026-01-05 10:00:00
        1,stage,Demo,Agreed,2026-01-09 10:00:00
        """,
    )
    result = world.compute(more_pipelines=SECOND_PIPELINE)
    assert [(row["pipeline"], row["to_stage"], row["evidence"]) for row in result.transitions] == [
        ("default", "Demo", "inferred"),
        ("Renewals", "Demo", "logged"),
        ("Renewals", "Agreed", "logged"),
    ]


def test_lost_in_the_stage_it_was_created_in(world: World) -> None:
    """The log tells the loss and no stage; an open deal of the same CRM never left its stage either."""
    world.deliver(
        "deals_2026-01-20.csv",
        "id,stage,status,created,lost\n1,Demo,lost,2026-01-02,2026-01-12\n2,New,open,2026-01-02,\n3,New,open,2026-01-02,",
    )
    world.deliver(
        "log_2026-01-20.csv",
        """
        id,field,old,new,at
        1,created_at,,2026-01-02,2026-01-02 00:00:00
        1,status,open,lost,2026-01-12 10:00:00
        2,created_at,,2026-01-02,2026-01-02 00:00:00
        """,
    )
    result = world.compute()
    assert moves(result) == [("Demo", "01-01 23:00", "inferred"), ("Lost", "01-12 10:00", "logged")]
    visits = [(row["deal_key"], row["stage"], row["outcome"]) for row in result.visits]
    assert visits == [("crm:1", "Demo", "lost"), ("crm:2", "New", "open")]


BACKWARDS = """
    id,field,old,new,at
    1,status,lost,open,2026-01-09 10:00:00
    1,status,open,lost,2026-01-09 10:00:00
    1,stage,Demo,Offer,2026-01-05 10:00:00
    1,stage,New,Demo,2026-01-05 10:00:00
    1,created_at,,2026-01-02,2026-01-02 10:00:00
"""


@pytest.mark.parametrize("turned", [False, True])
def test_ties_follow_old_and_new_values(world: World, turned: bool) -> None:
    """Whichever way round the file is written."""
    head, *lines = BACKWARDS.strip().splitlines()
    world.deliver("deals_2026-01-20.csv", "id,stage,status,created\n1,Offer,open,2026-01-02 10:00:00")
    world.deliver("log_2026-01-20.csv", "\n".join([head, *(reversed(lines) if turned else lines)]))
    assert moves(world.compute()) == [
        ("New", "01-02 10:00", "inferred"),
        ("Demo", "01-05 10:00", "logged"),
        ("Offer", "01-05 10:00", "logged"),
        ("Lost", "01-09 10:00", "logged"),
        ("Offer", "01-09 10:00", "logged"),
    ]


def test_without_old_values_a_file_newest_first_is_read_from_its_end(world: World) -> None:
    world.deliver("deals_2026-01-20.csv", "id,stage,created\n1,Offer,2026-01-02 10:00:00")
    world.deliver(
        "log_2026-01-20.csv",
        """
        id,field,old,new,at
        1,stage,,Offer,2026-01-05 10:00:00
        1,stage,,Demo,2026-01-05 10:00:00
        1,stage,,New,2026-01-02 10:00:00
        """,
    )
    assert [stage for stage, *_ in moves(world.compute())] == ["New", "Demo", "Offer"]


def test_a_hand_over_told_in_names_and_in_ids_is_one(world: World) -> None:
    """In either order; two hand-overs of one moment, both in ids, are two."""
    world.deliver("owners_2026-01-20.csv", "id,name\n7,Ada Byron\n8,Ben Bo\n9,Cy Ce")
    world.deliver(
        "deals_2026-01-20.csv", "id,stage,owner,created\n1,New,8,2026-01-02\n2,New,8,2026-01-02\n3,New,9,2026-01-02"
    )
    world.deliver(
        "log_2026-01-20.csv",
        """
        id,field,old,new,at
        1,owner_id,Ada Byron,Ben Bo,2026-01-05 10:00:00
        1,owner_id,7,8,2026-01-05 10:00:00
        2,owner_id,7,8,2026-01-05 10:00:00
        2,owner_id,Ada Byron,Ben Bo,2026-01-05 10:00:00
        3,owner_id,8,9,2026-01-05 10:00:00
        3,owner_id,7,8,2026-01-05 10:00:00
        """,
    )
    result = world.compute()
    for deal in ("crm:1", "crm:2"):
        assert changed(result, "owner", deal) == [("crm:7", "crm:8", "01-05", "logged")]
    assert [new for _, new, *_ in changed(result, "owner", "crm:3")] == ["crm:8", "crm:9"]


def test_a_close_date_written_by_the_close_is_no_push(world: World) -> None:
    """Thirty seconds before it; what was pushed a day before is."""
    world.deliver("deals_2026-01-20.csv", "id,stage,created\n1,Won,2026-01-02")
    world.deliver(
        "log_2026-01-20.csv",
        """
        id,field,old,new,at
        1,expected_close_on,2026-01-08,2026-01-09,2026-01-09 10:00:00
        1,expected_close_on,2026-01-09,2026-01-10,2026-01-10 09:59:30
        1,stage,New,Won,2026-01-10 10:00:00
        """,
    )
    result = world.compute()
    assert result.deals[0]["close_date_pushes"] == 1
    january = next(row for row in result.close_date_slippage if f"{row['month']:%m}" == "01")
    assert (january["pushes"], january["pushes_while_closed"]) == (1, 0)


def test_known_by_its_win_alone(world: World) -> None:
    """No creation is told: it was created by the day it was won on, and closed on it by both clocks."""
    world.deliver(
        "deals_2026-01-20.csv", "id,stage,status,won,lost,close\n1,New,won,2026-01-09,,\n2,New,lost,,,2026-01-08"
    )
    result = world.compute()
    for row, day in zip(result.deals, ("09", "08"), strict=True):
        assert row["created_at_is_estimated"]
        assert (f"{row['created_on']:%d}", f"{row['closed_on']:%d}") == (day, day)
        assert row["created_at"] == row["closed_at"]
