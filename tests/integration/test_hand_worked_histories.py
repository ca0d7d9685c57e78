"""What is published of the deals of `hand_worked_histories`, against `domain.md` worked by hand, deal by deal.

Moments are written as Berlin's clocks show them in 2026: "01-12" is a midnight, "01-11 09:00" is not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.conftest import Warehouse
from tests.integration import hand_worked_histories as told
from tests.oracle import compare, compute

#: Source → deal → its transitions. Deals of which `domain.md` can be read in two ways are compared with plain Python
#: only (the last test).
TRANSITIONS = {
    "full_extracts": {
        "unlisted_pipeline_won": ["01-02 New inferred", "01-12 Won observed"],
        "unlisted_stage_won": ["01-02 New inferred", "01-12 Won observed"],
        "closed_between": ["01-02 New inferred", "01-12 Won observed"],
        "pushed_then_closed": ["01-02 New inferred", "01-20 Won observed"],
        "first_seen_closed": ["01-20 Won observed"],
        "away_and_back": ["01-02 New inferred", "01-20 Demo observed"],
        "flagged_and_back": ["01-02 New inferred"],
        "flagged": ["01-02 New inferred"],
        "gone": ["01-02 Demo inferred"],
        "amount_emptied": ["01-02 New inferred"],
        "moved_on": ["01-02 New inferred", "01-12 Demo observed"],
        "twice_in_a_file": ["01-02 Demo inferred"],
    },
    "log_and_extracts": {
        "won_by_status": ["01-02 Demo inferred", "01-11 09:00 Won logged"],
        "pipeline_spelled_sales": ["01-02 New inferred"],
        "pipeline_spelled_small": ["01-11 09:00 Won logged", "01-20 Demo observed"],
        "closes_in_future": ["01-02 New inferred", "01-08 09:00 Demo logged", "01-12 Won observed"],
        "flagged_in_the_log_only": ["01-03 09:00 New logged"],
        "lost_and_reopened": [
            "01-02 Demo inferred",
            "01-05 09:00 Lost logged",
            "01-06 09:00 Demo logged",
            "01-08 09:00 Offer logged",
        ],
        "owner_handed_on": ["01-02 New inferred", "01-05 09:00 Demo logged"],
        "close_date_pushed": ["01-05 09:00 New logged", "01-07 09:00 Offer logged"],
        "won_without_stage": ["01-12 Won observed"],
    },
    "first_close_stands": {
        "won_before_the_first": ["01-08 Won inferred"],
        "won_in_the_log": ["01-02 New inferred", "01-05 09:00 Demo logged", "01-11 09:00 Won logged"],
        "won_empty_then_filled": ["01-02 New inferred", "01-12 Won observed"],
        "emptied_by_the_win": ["01-02 New inferred", "01-12 Won observed"],
        "reason_changed_later": ["01-02 New inferred", "01-12 Lost observed"],
        "reason_given_later": ["01-02 New inferred", "01-12 Lost observed"],
        "lost_then_reopened": ["01-02 New inferred", "01-12 Lost observed", "01-20 Demo observed"],
        "log_only": ["01-05 09:00 New logged"],
    },
    "one_solid_pipeline": {
        "moved_out": ["01-03 09:00 New logged", "01-04 09:00 Lost logged", "01-05 09:00 Demo logged"],
    },
    "incremental": {
        "won_then_lost": ["01-20 Lost inferred"],
        "won_reopened_won": ["01-20 Won inferred"],
        "close_moved_to_future": ["01-20 Won inferred"],
        "birth_moved_to_future": ["01-20 New inferred"],
        "moved_on": ["01-02 Demo inferred"],
        "told_twice": ["01-02 New inferred", "01-05 09:00 Demo logged", "01-16 09:00 Offer logged"],
        "ahead_of_its_log": ["01-02 New inferred", "01-05 09:00 Demo logged", "01-10 Offer observed"],
    },
    "full_log": {
        "in_both": ["01-03 09:00 New logged", "01-04 09:00 Demo logged"],
        "log_only": ["01-03 09:00 New logged", "01-04 09:00 Demo logged"],
    },
    "log_only": {
        "won_without_stage": ["01-06 09:00 Won logged"],
        "lost_in_unlisted_pipeline": ["01-05 09:00 New logged", "01-08 09:00 Lost logged"],
        "lost_then_won": ["01-05 09:00 New logged", "01-06 09:00 Lost logged", "01-08 09:00 Won logged"],
        "won_flagged_reopened": ["01-05 09:00 New logged", "01-06 09:00 Won logged", "01-08 09:00 New logged"],
        "told_of_the_future": ["01-05 09:00 New logged"],
    },
    "versions_only": {
        "emptied": ["01-03 09:00 New versioned", "01-05 09:00 Demo versioned"],
        "at_one_time": ["01-03 09:00 Demo versioned"],
        "won": ["01-03 09:00 New versioned", "01-09 09:00 Won versioned"],
    },
    "stages_by_id": {
        "won": ["01-02 Start inferred", "01-11 09:00 Won logged"],
        "won_pipeline_untold": ["01-02 Start inferred", "01-11 09:00 Won logged"],
        "lost_and_reopened": ["01-02 Start inferred", "01-05 09:00 Lost logged", "01-07 09:00 Start logged"],
        "moved_on": ["01-02 Start inferred", "01-11 09:00 Mid logged"],
    },
    "stage_dates": {
        "amount_by_extract": ["01-03 New dated", "01-11 Demo dated"],
        "entered_again": ["01-02 New inferred", "01-11 Demo dated", "01-18 New dated"],
        "won_undated": ["01-03 New dated", "01-15 Won observed"],
        "date_withdrawn": ["01-02 New inferred", "01-11 Demo dated"],
    },
    "month_end": {
        "shown_on_the_last_day": ["01-10 01:00 New observed", "01-31 01:00 Demo observed"],
        "shown_on_the_first_day": ["01-10 01:00 New observed", "02-01 01:00 Offer observed"],
        "logged_around_midnight": ["01-05 10:00 New logged", "02-01 00:30 Demo logged"],
    },
    "two_feeds": {
        "moved_feed": ["01-02 New inferred", "01-12 Demo observed"],
        "gone": ["01-02 New inferred"],
    },
}
#: Deal of a pipeline nobody has configured → its pipeline.
PIPELINES = {
    "full_extracts:unlisted_pipeline_won": "Other",
    "log_and_extracts:pipeline_spelled_sales": "Sales",
    "log_and_extracts:pipeline_spelled_small": "Sales",
    "log_and_extracts:won_without_stage": "X",
    "log_only:won_without_stage": "Y",
    "log_only:lost_in_unlisted_pipeline": "Z",
    "stages_by_id:won": "Sales",
    "stages_by_id:won_pipeline_untold": "Sales",
    "stages_by_id:lost_and_reopened": "Sales",
    "stages_by_id:moved_on": "Sales",
}
#: Closed deal → its status, when the history closes it, and the day the CRM gives (else that of the history).
CLOSES = {
    "first_close_stands:emptied_by_the_win": ("won", "01-12", "01-12"),
    "first_close_stands:lost_then_reopened": ("lost", "01-12", "01-12"),
    "first_close_stands:reason_changed_later": ("lost", "01-12", "01-12"),
    "first_close_stands:reason_given_later": ("lost", "01-12", "01-12"),
    "first_close_stands:won_before_the_first": ("won", "01-08", "01-08"),
    "first_close_stands:won_empty_then_filled": ("won", "01-12", "01-12"),
    "first_close_stands:won_in_the_log": ("won", "01-11 09:00", "01-11"),
    "full_extracts:closed_between": ("won", "01-12", "01-11"),
    "full_extracts:first_seen_closed": ("won", "01-20", "01-15"),
    "full_extracts:pushed_then_closed": ("won", "01-20", "01-19"),
    "full_extracts:unlisted_pipeline_won": ("won", "01-12", "01-12"),
    "full_extracts:unlisted_stage_won": ("won", "01-12", "01-12"),
    "incremental:close_moved_to_future": ("won", "01-20", "05-01"),
    "incremental:won_reopened_won": ("won", "01-20", "01-20"),
    "incremental:won_then_lost": ("lost", "01-20", "01-20"),
    "log_and_extracts:closes_in_future": ("won", "01-12", "03-01"),
    "log_and_extracts:pipeline_spelled_small": ("won", "01-11 09:00", "01-11"),
    "log_and_extracts:won_by_status": ("won", "01-11 09:00", "01-11"),
    "log_and_extracts:won_without_stage": ("won", "01-12", "01-08"),
    "stage_dates:won_undated": ("won", "01-15", "01-15"),
    "stages_by_id:won": ("won", "01-11 09:00", "01-16"),
    "stages_by_id:won_pipeline_untold": ("won", "01-11 09:00", "01-16"),
    "versions_only:won": ("won", "01-09 09:00", "01-09"),
}
#: Deleted deal → since when.
DELETED = {
    "first_close_stands:log_only": "01-10",
    "full_extracts:flagged": "01-10",
    "full_extracts:gone": "01-12",
    "full_log:log_only": "01-10",
    "log_and_extracts:flagged_in_the_log_only": "01-10 09:00",
    "log_only:lost_in_unlisted_pipeline": "01-10",
    "log_only:lost_then_won": "01-10",
    "log_only:told_of_the_future": "01-10",
    "log_only:won_flagged_reopened": "01-10",
    "log_only:won_without_stage": "01-10",
    "one_solid_pipeline:moved_out": "01-10",
    "two_feeds:gone": "01-12",
}
#: Merged deal → since when, and into which one.
MERGED = {
    "merges:first_of_a_chain": ("01-12", "merges:end_of_a_chain"),
    "merges:names_survivor": ("01-12", "merges:survivor"),
    "merges:second_of_a_chain": ("01-20", "merges:end_of_a_chain"),
    "merges:swallowed": ("01-12", "merges:survivor"),
    "merges:swallowed_late": ("01-12", "merges:survivor"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hand_worked")
    told.deliver(folder)
    return folder


@pytest.fixture(scope="module")
def played(folder: Path, nightly: Callable[..., Warehouse]) -> Warehouse:
    warehouse = nightly(folder / "warehouse", folder / "pipeline.yml", folder / "landing", told.AS_OF)
    assert warehouse.status == 0, warehouse.output
    return warehouse


def local(moment: datetime) -> str:
    """As the clocks of the reporting timezone show it; a midnight is its day."""
    shown = moment.replace(tzinfo=UTC).astimezone(ZoneInfo(told.REPORTING_ZONE))
    return f"{shown:%m-%d %H:%M}".removesuffix(" 00:00")


def changes(played: Warehouse, deal_key: str, *fields: str) -> list[tuple[str, Any, Any, str, str]]:
    """(field, old, new, when, evidence) of a deal's changes."""
    rows = played.rows(
        "select field, old_value, new_value, changed_at, evidence from marts.fct_deal_changes "
        "where deal_key = ? and list_contains(?, field) order by field, change_number",
        deal_key,
        list(fields),
    )
    return [(field, old, new, local(at), evidence) for field, old, new, at, evidence in rows]


@pytest.mark.parametrize("source", TRANSITIONS)
def test_transitions(played: Warehouse, source: str) -> None:
    rows = played.rows(
        "select deal_id, transitioned_at, to_stage, evidence from marts.fct_stage_transitions "
        "inner join marts.fct_deals using (deal_key, source) where source = ? order by deal_id, transition_number",
        source,
    )
    published = defaultdict(list)
    for deal_id, at, stage, evidence in rows:
        published[deal_id].append(f"{local(at)} {stage} {evidence}")
    assert {deal_id: published[deal_id] for deal_id in TRANSITIONS[source]} == TRANSITIONS[source]


def test_pipelines_nobody_has_configured(played: Warehouse) -> None:
    """A pipeline has one name, in the deal and in all its transitions."""
    for table in ("fct_deals", "fct_stage_transitions"):
        found = played.rows(
            f"select distinct deal_key, pipeline from marts.{table} "
            "where pipeline != 'default' and source != 'one_solid_pipeline' order by 1"
        )
        assert found == sorted(PIPELINES.items()), table


def test_the_two_closing_clocks(played: Warehouse) -> None:
    rows = played.rows("select deal_key, status, closed_at, closed_on from marts.fct_deals where closed_at is not null")
    assert {key: (status, local(at), f"{on:%m-%d}") for key, status, at, on in rows} == CLOSES


def test_deleted_and_merged(played: Warehouse) -> None:
    rows = played.rows(
        "select deal_key, deleted_at, merged_into_deal_key from marts.fct_deals where status = 'deleted'"
    )
    assert {key: local(at) for key, at, into in rows if not into} == DELETED
    assert {key: (local(at), into) for key, at, into in rows if into} == MERGED


def test_a_record_that_comes_back_was_never_deleted(played: Warehouse) -> None:
    came_back = [
        "full_extracts:away_and_back",
        "full_extracts:flagged_and_back",
        "merges:merged_by_mistake",
        "two_feeds:moved_feed",
    ]
    rows = played.rows(
        "select deal_key, status, deleted_at, merged_into_deal_key from marts.fct_deals "
        "where list_contains(?, deal_key) order by deal_key",
        came_back,
    )
    assert rows == [(key, "open", None, None) for key in came_back]


def test_a_deleted_deal_is_open_until_the_day_it_is_gone(played: Warehouse) -> None:
    """`log_only` is born on the 3rd and gone on the 10th; `in_both` is open in an unknown stage until the 3rd."""
    days = [date(2026, 1, day) for day in (2, 3, 4, 9, 10)]
    rows = played.rows(
        "select day(date_day), stage, open_deals from marts.mart_pipeline_daily "
        "where source = 'full_log' and list_contains(?, date_day) order by all",
        days,
    )
    assert rows == [(2, None, 1), (3, "New", 2), (4, "Demo", 2), (9, "Demo", 2), (10, "Demo", 1)]


def test_a_deal_won_without_a_stage_leaves_the_pipeline(played: Warehouse) -> None:
    """Known to be won from the extract of the 12th on, and open from its creation until then."""
    rows = played.rows(
        "select min(date_day), max(date_day), count(*), sum(open_deals), max(stage) from marts.mart_pipeline_daily "
        "where source = 'log_and_extracts' and pipeline = 'X'"
    )
    assert rows == [(date(2026, 1, 2), date(2026, 1, 11), 10, 10, None)]


def test_a_first_close_stands_with_what_was_known_then(played: Warehouse) -> None:
    rows = played.rows(
        "select deal_id, stage, status, amount, split_part(owner_key, ':', 2), lost_reason from marts.fct_deals "
        "where source = 'first_close_stands' and status != 'deleted' order by deal_id"
    )
    assert rows == [
        ("emptied_by_the_win", "Won", "won", None, None, None),
        ("lost_then_reopened", "Lost", "lost", Decimal(100), "a", "price"),
        ("reason_changed_later", "Lost", "lost", Decimal(100), "a", "price"),
        ("reason_given_later", "Lost", "lost", Decimal(100), "a", None),
        ("won_before_the_first", "Won", "won", Decimal(100), "a", None),
        ("won_empty_then_filled", "Won", "won", None, None, None),
        ("won_in_the_log", "Won", "won", Decimal(100), "a", None),
    ]


def test_a_transition_carries_what_was_known_at_its_moment(played: Warehouse) -> None:
    """The log tells of stages only; the extracts show 100 and a until the 20th."""
    rows = played.rows(
        "select to_stage, amount, owner_key from marts.fct_stage_transitions "
        "where deal_key = 'first_close_stands:won_in_the_log' order by transition_number"
    )
    known = (Decimal(100), "first_close_stands:a")
    assert rows == [("New", *known), ("Demo", *known), ("Won", *known)]


def test_what_comes_after_a_first_close_is_told_and_not_counted(played: Warehouse) -> None:
    rows = played.rows(
        "select deal_key, pipeline, to_stage from marts.fct_stage_transitions where not is_counted order by deal_key"
    )
    assert rows == [
        ("first_close_stands:lost_then_reopened", "default", "Demo"),
        ("one_solid_pipeline:moved_out", "default", "Demo"),
    ]


@pytest.mark.parametrize(
    ("deal_key", "expected"),
    [
        (
            "full_extracts:unlisted_pipeline_won",
            [("stage", "New", "Won", "01-12", "observed"), ("status", "open", "won", "01-12", "observed")],
        ),
        ("log_and_extracts:won_by_status", [("status", "open", "won", "01-11 09:00", "logged")]),
        (
            "log_and_extracts:lost_and_reopened",
            [
                ("status", "open", "lost", "01-05 09:00", "logged"),
                ("status", "lost", "open", "01-06 09:00", "logged"),
            ],
        ),
        (
            "log_only:lost_then_won",
            [
                ("status", "open", "lost", "01-06 09:00", "logged"),
                ("status", "lost", "won", "01-08 09:00", "logged"),
            ],
        ),
        (
            "one_solid_pipeline:moved_out",
            [("pipeline", "Solid", "default", "01-05 09:00", "logged")],
        ),
    ],
)
def test_status_and_pipeline_change_with_the_transitions(
    played: Warehouse, deal_key: str, expected: list[tuple[str, str, str, str, str]]
) -> None:
    fields = sorted({field for field, *_ in expected})
    assert changes(played, deal_key, *fields) == expected


@pytest.mark.parametrize(
    ("deal_key", "expected"),
    [
        # emptied and filled again: two changes
        (
            "full_extracts:amount_emptied",
            [("amount", "100.00", None, "01-12", "observed"), ("amount", None, "200.00", "01-20", "observed")],
        ),
        # told by two deliveries of the log, and happened once
        (
            "incremental:told_twice",
            [("amount", "8.00", "9.00", "01-06 09:00", "logged"), ("amount", "9.00", "20.00", "01-16 09:00", "logged")],
        ),
        # rows that replace each other are no witness
        ("incremental:moved_on", []),
        (
            "log_and_extracts:owner_handed_on",
            [("owner", "log_and_extracts:u0", "log_and_extracts:u1", "01-05 09:00", "logged")],
        ),
        (
            "log_and_extracts:close_date_pushed",
            [
                ("expected_close_on", None, "2026-02-01", "01-05 09:00", "logged"),
                ("expected_close_on", "2026-02-01", "2026-02-20", "01-07 09:00", "logged"),
                ("expected_close_on", "2026-02-20", None, "01-08 09:00", "logged"),
            ],
        ),
        # where the dates of stages are silent, the extracts are not
        ("stage_dates:amount_by_extract", [("amount", "100.00", "200.00", "01-20", "observed")]),
        (
            "versions_only:emptied",
            [
                ("amount", "100.00", None, "01-05 09:00", "versioned"),
                ("expected_close_on", "2026-02-01", None, "01-05 09:00", "versioned"),
                ("owner", "versions_only:a", None, "01-05 09:00", "versioned"),
            ],
        ),
        # the last hour of January, and the first of February
        (
            "month_end:logged_around_midnight",
            [
                ("amount", None, "5.00", "01-05 10:00", "logged"),
                ("amount", "5.00", "7.00", "01-31 23:30", "logged"),
            ],
        ),
    ],
)
def test_amounts_owners_and_close_dates(
    played: Warehouse, deal_key: str, expected: list[tuple[str, Any, Any, str, str]]
) -> None:
    assert changes(played, deal_key, "amount", "owner", "expected_close_on") == expected


def test_only_moving_a_close_date_later_is_a_push(played: Warehouse) -> None:
    pushes = "select close_date_pushes from marts.fct_deals where deal_key = 'log_and_extracts:close_date_pushed'"
    assert played.value(pushes) == 1


def test_what_the_newest_version_leaves_empty_is_empty(played: Warehouse) -> None:
    newest = "select deal_id, amount, owner_key, expected_close_on from marts.fct_deals where source = 'versions_only'"
    assert played.rows(f"{newest} and deal_id in ('emptied', 'at_one_time') order by deal_id") == [
        ("at_one_time", Decimal(200), "versions_only:b", date(2026, 2, 1)),
        ("emptied", None, None, None),
    ]
    amounts = played.rows(
        "select amount, owner_key from marts.fct_stage_transitions "
        "where deal_key = 'versions_only:emptied' order by transition_number"
    )
    assert amounts == [(Decimal(100), "versions_only:a"), (None, None)]


def test_the_last_of_two_rows_with_one_id_counts(played: Warehouse) -> None:
    deal = "select stage, amount from marts.fct_deals where deal_key = 'full_extracts:twice_in_a_file'"
    assert played.rows(deal) == [("Demo", Decimal(11))]


def test_a_month_ends_at_midnight_in_berlin(played: Warehouse) -> None:
    """Shown at 01:00 on the 31st: that month. Shown at 01:00, or logged at 00:30, on the 1st: the next."""
    snapshots = played.rows(
        "select split_part(deal_key, ':', 2), stage, amount_reporting from marts.fct_pipeline_snapshots "
        "where source = 'month_end' and snapshot_on = '2026-01-31' and amount_reporting is not null order by all"
    )
    assert snapshots == [
        ("logged_around_midnight", "New", Decimal(7)),
        ("shown_on_the_first_day", "New", Decimal(10)),
        ("shown_on_the_last_day", "Demo", Decimal(20)),
    ]
    days = played.rows(
        "select day(date_day), stage, open_deals, open_amount from marts.mart_pipeline_daily "
        "where source = 'month_end' and date_day between '2026-01-30' and '2026-02-01' "
        "and stage != 'New' order by date_day, stage"
    )
    assert days == [
        (31, "Demo", 1, Decimal(20)),
        (1, "Demo", 2, Decimal(27)),
        (1, "Offer", 1, Decimal(10)),
    ]


def test_plain_python_agrees(folder: Path, played: Warehouse) -> None:
    expected = compute(folder / "pipeline.yml", folder / "landing", told.AS_OF)
    assert expected.notes == []
    assert compare.differences(expected, played.path / "pipeline.duckdb") == []
