"""The oracle's hygiene rules against small worlds worked out by hand from `domain.md`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import pytest

from . import Result
from .handmade import World

Broken = list[tuple[str, str, str]]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def broken(result: Result, rule: str) -> Broken:
    """(record, observed, allowed) of the violations of a rule."""
    found = [row for row in result.violations if row["rule"] == rule]
    return sorted((row["record_key"].removeprefix("crm:"), str(row["observed"]), str(row["allowed"])) for row in found)


def rules_of(result: Result, record: str) -> set[str]:
    """What a record breaks."""
    return {row["rule"] for row in result.violations if row["record_key"] == f"crm:{record}"}


def rows(heading: str, lines: Iterable[str]) -> str:
    return "\n".join([heading, *lines])


# Times are UTC, days are Berlin's: at 23:30 the next day has begun there.
@pytest.mark.parametrize(
    ("as_of", "created", "is_stale"),
    [
        ("2026-01-30T12:00:00Z", "2025-12-30 23:30:00", False),  # 31 December to 30 January: 30 days; 31 in UTC
        ("2026-01-30T12:00:00Z", "2025-12-30 22:30:00", True),
        ("2026-01-30T23:30:00Z", "2025-12-31 22:30:00", True),  # 31 December to 31 January: 31 days; 30 in UTC
        ("2026-01-30T23:30:00Z", "2025-12-31 23:30:00", False),
    ],
)
def test_at_exactly_the_limit_nothing_is_stale(world: World, as_of: str, created: str, is_stale: bool) -> None:
    world.deliver("deals_2026-01-20.csv", f"id,stage,created\n1,New,{created}")
    assert broken(world.compute(as_of=as_of), "stale_deal") == ([("1", "31", "30.0")] if is_stale else [])


def test_the_last_touch_is_a_creation_a_change_of_stage_or_an_activity_completed_by_now(world: World) -> None:
    world.deliver("deals_2026-01-20.csv", rows("id,stage,created", (f"{n},New,2025-10-01" for n in range(1, 6))))
    world.deliver("deals_2026-01-25.csv", rows("id,stage,created", (f"{n},New,2025-10-01" for n in range(1, 7))))
    world.deliver("log_2026-01-20.csv", "id,field,old,new,at\n2,stage,New,Demo,2026-01-15 09:00:00")
    world.deliver(
        "calls_2026-01-20.csv",
        """
        id,type,deal,due,done,completed
        a,note,3,2025-01-01,1,2026-01-15 09:00:00
        b,call,4,2025-12-01,0,
        c,call,5,2025-01-01,1,2026-02-15 09:00:00
        """,
    )
    result = world.compute()
    # planned (4), done in the future (5) and first seen (6) are no touch; 1 October to 31 January are 122 days
    assert broken(result, "stale_deal") == [(one, "122", "30.0") for one in ("1", "4", "5", "6")]
    assert broken(result, "future_activity_done") == [("c", "2026-02-15 09:00:00+00:00", "2026-01-31 00:00:00+00:00")]


STRICT = """
- name: Strict
  thresholds: {stale_after_days: 10, max_close_date_pushes: 1}
  stages:
    - {name: Early, canonical: prospecting}
    - {name: Late, canonical: proposal, stale_after_days: 20, max_close_date_pushes: 2}
    - {name: Odd, canonical: closing, stale_after_days: auto}
"""


def test_a_stage_goes_before_its_pipeline_and_that_before_all(world: World) -> None:
    pipelines = ["default,New", "Strict,Early", "Strict,Late", "Strict,Odd", "Strict,Unheard of", "Met,Anything"]
    pipelines += ["Strict,", "default,"]  # in no known stage
    world.deliver("log_2026-01-20.csv", "id,field,old,new,at\n7,amount,,5,2026-01-01 09:00:00")
    lines = [f"{number},{where},2025-12-01" for number, where in enumerate(pipelines, start=1)]
    world.deliver("deals_2026-01-20.csv", rows("id,pipeline,stage,created", lines))
    result = world.compute(thresholds="{stale_after_days: 40}", more_pipelines=STRICT)
    # from 1 December to 31 January 61 days; no stage has the thirty visits that `auto` wants, so 30
    assert broken(result, "stale_deal") == [
        ("1", "61", "40.0"),
        ("2", "61", "10.0"),
        ("3", "61", "20.0"),
        ("4", "61", "30.0"),
        ("5", "61", "10.0"),
        ("6", "61", "40.0"),
        ("7", "61", "10.0"),
        ("8", "61", "40.0"),
    ]
    assert [key for key, *_ in broken(result, "unmapped_stage")] == ["5", "6"]
    assert ("8", "61", "30.0") in broken(world.compute(thresholds="{stale_after_days: auto}"), "stale_deal")


def pushed(deal: int, times: int) -> list[str]:
    """An expected close date that a log moves a day later so many times, and once earlier."""
    days = [f"2026-03-{day:02}" for day in range(10, 11 + times)] + ["2026-03-01"]
    return [
        f"{deal},expected_close_on,{old},{new},2026-01-{day:02} 09:00:00"
        for day, (old, new) in enumerate(pairwise(days), start=10)
    ]


def test_pushed_more_often_than_its_stage_allows(world: World) -> None:
    # none, a pipeline's and a stage's own limit: 3, 1 and 2; of each two deals, one at it and one beyond
    stages = ["default,New", "default,New", "Strict,Early", "Strict,Early", "Strict,Late", "Strict,Late"]
    lines = [f"{number},{stage},2026-01-02" for number, stage in enumerate(stages, start=1)]
    world.deliver("deals_2026-01-05.csv", rows("id,pipeline,stage,created", lines))
    moves = [line for deal, times in enumerate((3, 4, 1, 2, 2, 3), start=1) for line in pushed(deal, times)]
    world.deliver("log_2026-01-20.csv", rows("id,field,old,new,at", moves))
    result = world.compute(more_pipelines=STRICT)
    assert broken(result, "pushed_too_often") == [("2", "4", "3.0"), ("4", "2", "1.0"), ("6", "3", "2.0")]


def visits_to_new(days: dict[int, int], still_there: list[int]) -> list[str]:
    """A log of deals that left New after so many days, and of others that entered it so many days before as-of."""
    lines, deal = [], 0
    for stayed, times in days.items():
        for _ in range(times):
            deal += 1
            lines += [
                f"{deal},stage,,New,2025-12-01 09:00:00",
                f"{deal},stage,New,Demo,2025-12-{1 + stayed:02} 09:00:00",
            ]
    return lines + [f"open{ago},stage,,New,2026-01-{31 - ago:02} 09:00:00" for ago in still_there]


@pytest.mark.parametrize(
    ("limits", "left_at_once", "stuck"),
    [
        # S(5) = 4/30; on day 12 one of four leaves: S(12) = 1/10, and the others are still at risk
        ("{}", 26, [("open13", "13", "12.0"), ("open20", "20", "12.0")]),
        ("{max_days_in_stage: 19}", 26, [("open20", "20", "19.0")]),
        # one visit fewer: the history of 29 is too short
        ("{}", 25, []),
        ("{max_days_in_stage: 12}", 25, [("open13", "13", "12.0"), ("open20", "20", "12.0")]),
    ],
)
def test_stuck_beyond_what_nine_of_ten_took(world: World, limits: str, left_at_once: int, stuck: Broken) -> None:
    log = visits_to_new({5: left_at_once, 12: 1}, [12, 13, 20])
    world.deliver("log_2026-01-31.csv", rows("id,field,old,new,at", log))
    result = world.compute(as_of="2026-01-31T12:00:00Z", of_pipeline=limits)
    assert [one for one in broken(result, "stuck_in_stage") if one[0].startswith("open")] == stuck


def test_stale_by_a_history_that_nine_of_ten_did_not_leave(world: World) -> None:
    # of thirty visits three and an open one are left: S = 4/30, p90 is not reached, so 30 and 60 days
    log = visits_to_new({5: 26}, [12, 13, 14, 15])
    log += ["old,stage,,Demo,2025-11-30 09:00:00", "older,stage,,Demo,2025-11-30 09:00:00"]
    world.deliver("log_2026-01-31.csv", rows("id,field,old,new,at", log))
    result = world.compute(of_pipeline="{stale_after_days: auto}")
    assert {(key, limit) for key, _, limit in broken(result, "stuck_in_stage")} == {("old", "60.0"), ("older", "60.0")}
    assert {limit for *_, limit in broken(result, "stale_deal")} == {"30.0"}


def test_what_a_stage_requires_is_required_in_later_ones_too(world: World) -> None:
    stages = [
        ("default", "Demo"),
        ("default", "Offer"),
        ("Own", "A"),
        ("Own", "B"),
        ("Own", "C"),
        ("Own", "Unheard of"),
    ]
    world.deliver(
        "deals_2026-01-20.csv",
        rows(
            "id,pipeline,stage,created,amount,close,owner,account,lead,found",
            [f"{n},{pipeline},{stage},2026-01-20,,,,,," for n, (pipeline, stage) in enumerate(stages, start=1)]
            + ["99,default,New,2026-01-20,1,2026-03-01,o,a,l,web"],
        ),
    )
    world.deliver("accounts_2026-01-20.csv", "id,segment\na,small")
    # names of deals are not delivered, so nobody asks for them
    result = world.compute(
        more_pipelines="""
        - name: Own
          stages:
            - {name: A, canonical: proposal}
            - {name: B, canonical: proposal, required: [amount, segment, account, deal_name]}
            - {name: C, canonical: closing, required: [lead]}
        """
    )
    # 6: no stage of the pipeline was entered before the unheard-of one, so it stands first
    assert [key for key, *_ in broken(result, "missing_owner")] == ["1", "2", "3", "4", "5", "6"]
    assert [key for key, *_ in broken(result, "missing_amount")] == ["2", "4", "5"]
    assert [key for key, *_ in broken(result, "missing_close_date")] == ["2", "3", "4", "5"]
    assert [key for key, *_ in broken(result, "missing_account")] == ["4", "5"]
    assert broken(result, "missing_required_field") == [
        ("4", "segment", "segment"),
        ("5", "lead, segment", "lead, segment"),
    ]


def test_nothing_is_missing_that_the_source_does_not_deliver(world: World) -> None:
    world.deliver("deals_2026-01-20.csv", "id,stage,created,owner,close,amount\n1,Offer,2026-01-20,,,")
    assert rules_of(world.compute(), "1") == set()
    world.deliver("deals_2026-01-21.csv", "id,stage,created,owner,close,amount\n1,Offer,2026-01-20,,,\n2,Won,,o,,7")
    world.deliver("deals_2026-01-22.csv", "id,stage,created,owner,close,amount\n1,Offer,2026-01-20,,,")
    # what once was delivered is known to be delivered
    assert rules_of(world.compute(), "1") == {"missing_owner", "missing_amount"}


LATER_STEPS = """
    id,field,old,new,at
    1,stage,,New,2025-12-01 09:00:00
    1,stage,New,Offer,2025-12-03 09:00:00
    1,stage,Offer,Demo,2025-12-04 09:00:00
    1,status,open,lost,2025-12-10 09:00:00
    1,lost_reason,,price,2025-12-10 09:00:00
    1,status,lost,open,2025-12-11 09:00:00
    1,stage,Demo,New,2025-12-12 09:00:00
    1,lost_reason,price,,2025-12-13 09:00:00
    1,status,open,lost,2025-12-14 09:00:00
    2,stage,,New,2025-12-01 09:00:00
    2,status,open,lost,2025-12-10 09:00:00
    2,status,lost,open,2025-12-11 09:00:00
    2,status,open,lost,2025-12-14 09:00:00
    2,lost_reason,,late,2025-12-14 09:00:00
"""


@pytest.mark.parametrize(
    ("after_close", "regressed", "without_reason", "disagrees"),
    [
        ("reopen", [("1#3", "Demo", "Offer"), ("1#6", "New", "Demo")], [], [("1", "Demo", "Lost")]),
        ("keep_first", [("1#3", "Demo", "Offer")], [("2", "None", "a reason")], []),
    ],
)
def test_after_the_close_that_stands_no_rule_looks(
    world: World, after_close: str, regressed: Broken, without_reason: Broken, disagrees: Broken
) -> None:
    world.deliver("log_2026-01-10.csv", LATER_STEPS)
    # of 1 the row says that it is open, in Demo, where the history, as new as the row, ends with a loss
    world.deliver(
        "deals_2026-01-10.csv", "id,stage,status,created,why\n1,Demo,open,2025-12-01,\n2,New,lost,2025-12-01,late"
    )
    result = world.compute(after_close)
    assert broken(result, "skipped_stage") == [("1#2", "Offer", "Demo")]
    assert broken(result, "regressed") == regressed
    assert broken(result, "lost_without_reason") == without_reason
    assert broken(result, "stage_disagrees_with_history") == disagrees


@pytest.mark.parametrize(("log_of", "disagrees"), [("20", True), ("19", False)])
def test_a_history_disagrees_with_a_row_if_it_was_read_as_late(world: World, log_of: str, disagrees: bool) -> None:
    world.deliver("deals_2026-01-20.csv", "id,stage,created,Entered New,Entered Demo\n1,Offer,2026-01-01,,\n"
                  "2,Offer,2026-01-01,2026-01-01,2026-01-02\n3,Offer,2026-01-01,,")  # fmt: skip
    world.deliver(f"log_2026-01-{log_of}.csv", "id,field,old,new,at\n1,stage,New,Demo,2026-01-05 09:00:00")
    expected = [("1", "Offer", "Demo")] if disagrees else []
    # 2: the dates stand in the row itself; 3 is known by its row alone
    assert broken(world.compute(), "stage_disagrees_with_history") == [*expected, ("2", "Offer", "Demo")]


def test_of_a_deleted_deal_only_its_deletion_and_of_a_merged_one_nothing(world: World) -> None:
    heading = "id,stage,created,amount,owner,name,account,deleted,merged"
    one, two, three, four, five = (f"{number},Offer,2025-01-01,-5,,Same,acme,," for number in range(1, 6))
    flagged, survivor = "5,Offer,2025-01-01,-5,,Same,acme,1,", "1,Offer,2025-01-01,-5,o,Same,acme,,3"
    world.deliver("deals_2026-01-10.csv", rows(heading, [one, two, three, four, five]))
    world.deliver("deals_2026-01-12.csv", rows(heading, [one, three, four, flagged]))
    world.deliver("deals_2026-01-13.csv", rows(heading, [survivor, four, flagged]))
    world.deliver("log_2026-01-13.csv", "id,field,old,new,at\n2,stage,Demo,New,2026-01-05 09:00:00")
    result = world.compute()
    # gone from the extract of the 12th, and flagged since it
    assert broken(result, "deleted_deal") == [("2", "2026-01-12", "present"), ("5", "2026-01-12", "present")]
    assert rules_of(result, "3") == set()
    assert broken(result, "regressed") == []
    assert broken(result, "negative_amount") == [("1", "-5.00", "0"), ("4", "-5.00", "0")]
    assert broken(result, "duplicate_deal") == [("4", "crm:1", "1")]


def test_deals_of_the_log_alone(world: World) -> None:
    world.deliver(
        "log_2026-01-30.csv",
        """
        id,field,old,new,at
        1,created_at,,2025-12-01 09:00:00,2025-12-01 09:00:00
        1,stage,,Offer,2025-12-01 09:00:00
        1,amount,,0,2025-12-01 09:00:00
        2,stage,,Offer,2025-12-30 09:00:00
        2,owner_id,,ann,2025-12-30 09:00:00
        2,expected_close_on,,2026-01-30,2025-12-30 09:00:00
        3,stage,,Offer,2025-12-31 09:00:00
        3,amount,,0,2025-12-31 09:00:00
        3,status,open,won,2026-01-01 09:00:00
        4,stage,,Unheard of,2026-01-29 09:00:00
        """,
    )
    result = world.compute()
    assert rules_of(result, "1") == {"stale_deal", "missing_owner", "missing_close_date", "stuck_in_stage"}
    assert broken(result, "stuck_in_stage") == [("1", "61", "60.0")]
    # its creation is estimated, and 32 days ago is more than 30
    assert rules_of(result, "2") == {"stale_deal", "past_close_date", "missing_amount"}
    assert rules_of(result, "3") == {"won_without_amount"}
    assert rules_of(result, "4") == {"unmapped_stage", "missing_owner"}


def test_what_is_estimated_contradicts_nothing(world: World) -> None:
    world.deliver(
        "deals_2026-01-20.csv",
        """
        id,stage,status,created,close,lead
        1,New,won,,2025-12-01,
        2,New,won,2026-01-05,2026-01-04,
        3,New,won,2026-01-05,2026-01-05,
        4,New,won,2026-01-02,2026-01-10,estimated
        5,New,lost,2026-01-02,2026-01-10,late
        6,New,won,2026-01-02,2026-01-10,sameday
        """,
    )
    world.deliver(
        "leads_2026-01-20.csv",
        "id,created,status\nestimated,,new\nlate,2026-01-10 23:30:00,new\nsameday,2026-01-10 22:30:00,new",
    )
    world.deliver("calls_2026-01-20.csv", "id,type,lead,due,done\n1,note,late,2026-01-20,1")
    result = world.compute()
    assert broken(result, "closed_before_created") == [("2", "2026-01-04", "2026-01-05")]
    assert broken(result, "closed_before_lead") == [("5", "2026-01-10", "2026-01-11")]
    # nobody knows how long the estimated one waited
    assert [key for key, *_ in broken(result, "unanswered_lead")] == ["late", "sameday"]


def test_a_lead_with_several_deals_and_deals_that_name_it(world: World) -> None:
    world.deliver(
        "deals_2026-01-10.csv",
        """
        id,stage,created,lead,merged,deleted
        1,New,2026-01-02,a,,1
        2,New,2026-01-02,a;b,,
        3,New,2026-01-03,c,,1
        4,New,2026-01-02,c,,1
        5,New,2026-01-02,,6,
        """,
    )
    world.deliver(
        "leads_2026-01-10.csv",
        """
        id,created,status,became
        a,2026-01-01,won over,1
        b,2026-01-01,won over,
        c,2026-01-01,won over,
        d,2026-01-01,won over,6
        e,2026-01-01,won over,3;2
        f,2026-01-01,won over,8
        g,2026-01-01,won over,
        h,2026-01-01,new,3
        """,
    )
    # d became a deal that was merged into 5; c names none, and those that name it are deleted; h was never converted
    assert broken(world.compute(), "converted_without_deal") == [
        ("c", "None", "a deal in the extract"),
        ("f", "crm:8", "a deal in the extract"),
        ("g", "None", "a deal in the extract"),
    ]


def test_leads_answered_in_time_and_dead_ones_and_what_was_done_on_those_merged_into_them(world: World) -> None:
    world.deliver(
        "leads_2026-01-20.csv",
        """
        id,created,status,merged,email
        1,2026-01-10 09:00:00,new,,Ann@Acme.com
        2,2026-01-10 09:00:00,new,, ann@acme.COM
        3,2026-01-09 09:00:00,new,9,bob@acme.com
        4,2026-01-10 09:00:00,won over,,
        5,2025-11-02 09:00:00,new,,
        6,2025-11-01 09:00:00,new,,
        7,2025-11-01 09:00:00,won over,,
        8,2026-01-30 09:00:00,new,,bob@acme.com
        9,2026-01-02 09:00:00,new,,bob@acme.com
        """,
    )
    world.deliver(
        "calls_2026-01-20.csv",
        """
        id,type,lead,direction,due,done,completed
        a,call,1,,,1,2026-01-11 09:00:00
        b,call,2,,,1,2026-01-11 09:00:36
        c,call,9,,,1,2026-01-09 10:00:00
        d,call,4,inbound,,1,2026-01-10 10:00:00
        e,note,5,,,1,2025-11-02 10:00:00
        f,call,6,,,1,2026-02-10 10:00:00
        """,
    )
    result = world.compute(as_of="2026-01-31T09:00:00Z")
    # 8 was created exactly 24 hours ago; 1 waited them, 2 a hundredth of an hour longer; 9 is part of 3 now
    assert broken(result, "unanswered_lead") == [
        ("2", "24.01", "24.0"),
        ("4", "504.00", "24.0"),
        ("5", "2160.00", "24.0"),
        ("6", "2184.00", "24.0"),
        ("7", "2184.00", "24.0"),
    ]
    # on 31 January 2 November is 90 days ago
    assert broken(result, "dead_lead") == [("6", "91", "90")]
    assert broken(result, "duplicate_lead") == [("2", "crm:1", "1"), ("8", "crm:3", "1")]
    assert broken(world.compute(as_of="2026-01-31T09:00:01Z"), "unanswered_lead")[-1] == ("8", "24.00", "24.0")


def test_dates_of_the_future(world: World) -> None:
    world.deliver(
        "deals_2026-01-30.csv",
        """
        id,stage,status,created,won,close
        1,New,open,2026-01-31 12:00:00,,2026-01-31
        2,New,open,2026-01-31 12:00:01,,2026-01-30
        3,New,won,2026-01-01,2026-01-31 12:00:01,
        4,New,won,2026-01-01,2026-01-31 12:00:00,
        5,New,won,2026-01-01,2026-01-31 23:30:00,
        6,New,lost,2026-01-01,,2026-01-31
        7,New,lost,2026-01-01,,2026-02-01
        """,
    )
    result = world.compute(as_of="2026-01-31T12:00:00Z")
    assert broken(result, "created_in_future") == [("2", "2026-01-31 12:00:01+00:00", "2026-01-31 12:00:00+00:00")]
    assert broken(result, "closed_in_future") == [
        ("3", "2026-01-31", "2026-01-31"),
        ("5", "2026-02-01", "2026-01-31"),
        ("7", "2026-02-01", "2026-01-31"),
    ]
    assert broken(result, "past_close_date") == [("2", "2026-01-30", "2026-01-31")]
    assert broken(result, "stale_deal") == []


def test_duplicates_are_alike_in_all_of_account_name_amount_and_currency(world: World) -> None:
    world.deliver(
        "deals_2026-01-30.csv",
        """
        id,stage,status,created,account,name,amount,currency
        10,New,open,2026-01-02,acme,Roof,100,EUR
        9,New,open,2026-01-02,acme,Roof,100.00,
        8,New,open,2026-01-03,acme,Roof,100,eur
        7,New,lost,2026-01-01,acme,Roof,100,EUR
        6,New,open,2026-01-01,acme,Roof,100,USD
        5,New,open,2026-01-01,acme,roof,100,EUR
        4,New,open,2026-01-01,acme,,100,EUR
        3,New,open,2026-01-01,acme,,100,EUR
        2,New,open,2026-01-01,,Roof,100,EUR
        1,New,open,2026-01-01,,Roof,100,EUR
        """,
    )
    # of 9 and 10, as old as each other, the key decides
    assert broken(world.compute(), "duplicate_deal") == [("8", "crm:10", "1"), ("9", "crm:10", "1")]


@pytest.mark.parametrize(("of_hundreds", "outliers"), [(10, [("x", "4000.00", "3038.09")]), (9, [])])
def test_an_amount_far_from_the_usual_of_thirty(world: World, of_hundreds: int, outliers: Broken) -> None:
    # median 100; the median distance of the logarithms is ln 10, so one deviation is 10 to the power of 1.4826
    amounts = [10] * 10 + [100] * of_hundreds + [1000] * 9
    lines = [f"{number},New,2026-01-20,{amount}" for number, amount in enumerate(amounts)]
    lines += ["x,New,2026-01-20,4000", "zero,New,2026-01-20,0", "below,New,2026-01-20,-4000", "none,New,2026-01-20,"]
    world.deliver("deals_2026-01-30.csv", rows("id,stage,created,amount", lines))
    assert broken(world.compute(of_pipeline="{max_amount_deviations: 1}"), "amount_outlier") == outliers
    assert broken(world.compute(), "amount_outlier") == []


def test_owners_who_left_and_owners_nobody_knows(world: World) -> None:
    world.deliver("deals_2026-01-30.csv", "id,stage,status,created,owner\n1,New,open,2026-01-20,gone\n"
                  "2,New,open,2026-01-20,here\n3,New,open,2026-01-20,who\n4,New,lost,2026-01-20,who\n"
                  "5,New,open,2026-01-20,\n6,New,open,2026-01-20,silent\n7,New,open,2026-01-20,Ann\n"
                  "8,New,open,2026-01-20,Bob")  # fmt: skip
    world.deliver("leads_2026-01-30.csv", "id,created,status,owner\na,2026-01-30,new,gone\nb,2026-01-30,won over,gone")
    assert broken(world.compute(), "inactive_owner") == []  # no owners are delivered
    world.deliver("owners_2026-01-29.csv", "id,name,active\nhere,Ann,yes\ngone,Bob,no\nwho,Cat,yes\nsilent,Dan,")
    world.deliver("owners_2026-01-30.csv", "id,name,active\nhere,Ann,yes\ngone,Bob,no\nsilent,Dan,\n8,Ann,no")
    result = world.compute()
    # who is not in the newest extract any more; 7 and 8 name an owner, and of two Anns one is there
    expected = [
        ("1", "deactivated", "active"),
        ("3", "unknown", "active"),
        ("8", "deactivated", "active"),
        ("a", "deactivated", "active"),
    ]
    assert broken(result, "inactive_owner") == expected
    assert broken(result, "missing_owner") == [("5", "None", "an owner")]


def test_a_next_activity_is_undone_and_not_before_today(world: World) -> None:
    world.deliver("deals_2026-01-30.csv", rows("id,stage,created", (f"{n},New,2026-01-20" for n in range(1, 7))))
    world.deliver("calls_2026-01-29.csv", "id,type,deal\nx,call,9")
    assert broken(world.compute(), "no_next_activity") == []  # no due dates are delivered
    world.deliver(
        "calls_2026-01-30.csv",
        """
        id,type,deal,due,done,account
        a,call,1,2026-01-30 23:00:00,0,
        b,call,2,2026-01-30 22:59:59,0,
        c,call,3,2026-02-05,1,
        d,call,4;5,2026-02-05,,
        e,call,9,2026-02-05,0,acme;other
        f,call,9,2026-02-05,0,other
        g,call,,2026-02-05,0,
        """,
    )
    world.deliver("accounts_2026-01-30.csv", "id,segment\nacme,small")
    result = world.compute()
    # at 23:00 in UTC the 31st begins in Berlin
    assert [key for key, *_ in broken(result, "no_next_activity")] == ["2", "3", "6"]
    assert broken(result, "orphan_activity") == [
        ("f", "crm:9", "a deal, lead or account"),
        ("g", "no link", "a deal, lead or account"),
    ]


def extract(stages: list[str], heading: str = "id,stage,amount", empty: int = 0) -> str:
    """Deals in these stages, of which the last ones have no amount."""
    cells = ["1"] * (len(stages) - empty) + [""] * empty
    return rows(
        heading, (f"{number},{stage},{cell}" for number, (stage, cell) in enumerate(zip(stages, cells, strict=True)))
    )


@pytest.mark.parametrize(
    ("as_of", "late"),
    [("2026-01-14T02:00:00Z", []), ("2026-01-14T02:00:36Z", [("deals:2026-01-13T00:00:00Z", "26.01", "26.0")])],
)
def test_a_delivery_is_late_after_26_hours(world: World, as_of: str, late: Broken) -> None:
    world.deliver("deals_2026-01-12.csv", extract(["New"]))
    world.deliver("deals_2026-01-13.csv", extract(["New"]))
    world.deliver("deals_2026-01-15.csv", extract(["New"]))
    assert broken(world.compute(as_of=as_of), "late_delivery") == late
    assert broken(world.compute(as_of=as_of, thresholds="{max_delivery_age_hours: 27}"), "late_delivery") == []


def test_columns_appear_and_vanish_against_the_delivery_before(world: World) -> None:
    world.deliver("deals_2026-01-11.csv", extract(["New"], "id,stage,amount"))
    world.deliver("deals_2026-01-12.csv", extract(["New"], "id,stage,Price"))
    world.deliver("calls_2026-01-11.csv", "id,type\n1,call")
    world.deliver("calls_2026-01-12.csv", "type,Id\ncall,1")
    # of calls only the order and the spelling
    assert broken(world.compute(as_of="2026-01-12T01:00:00Z"), "schema_drift") == [
        ("deals:2026-01-12T00:00:00Z", "+Price, -amount", "the columns of the delivery before")
    ]
    world.deliver("deals_2026-01-13.csv", extract(["New"], "id,stage,Price"))
    assert broken(world.compute(as_of="2026-01-13T01:00:00Z"), "schema_drift") == []


@pytest.mark.parametrize(
    ("empties", "spike"),
    [
        ([9, 0, 3, 9], []),  # 9 of 20 is three times the usual 3
        ([9, 0, 3, 10], [("deals:2026-01-14T00:00:00Z", "0.5", "0.45")]),
        ([0, 0, 0, 1], []),  # 5 %
        ([0, 0, 0, 2], [("deals:2026-01-14T00:00:00Z", "0.1", "0.05")]),
        ([0, 0, 2], []),  # compared with two only
    ],
)
def test_a_column_is_empty_more_often_than_usual(world: World, empties: list[int], spike: Broken) -> None:
    for day, empty in enumerate(empties, start=11):
        world.deliver(f"deals_2026-01-{day}.csv", extract(["New"] * 20, empty=empty))
    assert broken(world.compute(as_of=f"2026-01-{10 + len(empties)}T01:00:00Z"), "null_spike") == spike


def test_stages_are_mixed_otherwise_than_usual(world: World) -> None:
    for day in (11, 12, 13):
        world.deliver(f"deals_2026-01-{day}.csv", extract(["New"] * 10 + ["Demo"] * 10))
    world.deliver("deals_2026-01-14.csv", extract(["NEW"] * 15 + ["Demo"] * 5))
    # halves became three quarters and a quarter: 0.25 ln 1.5 + 0.25 ln 2 = 0.25 ln 3
    assert broken(world.compute(as_of="2026-01-14T01:00:00Z"), "stage_mix_drift") == [
        ("deals:2026-01-14T00:00:00Z", "0.2746530722", "0.25")
    ]
    world.deliver("deals_2026-01-15.csv", extract(["New"] * 20))
    # of 80 that were 45 and 35, all and none, which counts as 0.0001
    psi = (1 - 45 / 80) * math.log(80 / 45) + (0.0001 - 35 / 80) * math.log(0.0001 * 80 / 35)
    assert broken(world.compute(as_of="2026-01-15T01:00:00Z"), "stage_mix_drift") == [
        ("deals:2026-01-15T00:00:00Z", str(round(psi, 10)), "0.25")
    ]
