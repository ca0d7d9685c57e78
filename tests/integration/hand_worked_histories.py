"""Deals small enough to be worked by hand: one idea each, named by it, told by a dozen CRMs in every shape.

A table is what a feed delivers: a row goes into the file of the day in its first column, the other columns are the
file's. An empty cell at a line's end need not be written. All times are Berlin's but those of `month_end`, whose CRM
keeps UTC: so a midnight of Berlin lies on another day than its moment in UTC.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

AS_OF = "2026-02-05T00:00:00Z"
REPORTING_ZONE = "Europe/Berlin"
#: Of every deal whose table has no such column.
CREATED = "2026-01-02"
STAGE_DATES = "Entered {stage}"
DEFAULT = {
    "name": "default",
    "stages": [
        {"name": "New", "canonical": "prospecting"},
        {"name": "Demo", "canonical": "demo", "qualified": True, "mandatory": True},
        {"name": "Offer", "canonical": "proposal"},
    ],
}
SOLID = {
    "name": "Solid",
    "after_close": "keep_first",
    "stages": [{"name": "New", "canonical": "prospecting"}, {"name": "Demo", "canonical": "demo"}],
}


@dataclass(frozen=True)
class Feed:
    """What is delivered of an entity, and whether each delivery holds all of it."""

    entity: str
    table: str
    deliveries: str = "full"


@dataclass(frozen=True)
class Source:
    feeds: dict[str, Feed]
    after_close: str = "reopen"
    pipelines: list[dict[str, Any]] = field(default_factory=lambda: [DEFAULT])
    timezone: str = REPORTING_ZONE


FULL_EXTRACTS = """
    delivered | deal_id               | pipeline | stage | amount | close_on   | is_deleted
    # nothing but a stage's name says that it ends a deal
    01-10     | unlisted_pipeline_won | Other    | New
    01-12     | unlisted_pipeline_won | Other    | WON
    01-20     | unlisted_pipeline_won | Other    | WON
    01-10     | unlisted_stage_won    |          | New
    01-12     | unlisted_stage_won    |          | won
    01-20     | unlisted_stage_won    |          | won
    # the CRM's own close date is one thing, the night that shows the close another
    01-10     | closed_between        |          | New
    01-12     | closed_between        |          | Won   |        | 2026-01-11
    01-20     | closed_between        |          | Won   |        | 2026-01-11
    01-10     | pushed_then_closed    |          | New   |        | 2026-01-15
    01-12     | pushed_then_closed    |          | New   |        | 2026-01-15
    01-20     | pushed_then_closed    |          | Won   |        | 2026-01-19
    01-20     | first_seen_closed     |          | Won   |        | 2026-01-15
    # a record that comes back was never deleted
    01-10     | away_and_back         |          | New
    01-20     | away_and_back         |          | Demo
    01-10     | flagged_and_back      |          | New
    01-12     | flagged_and_back      |          | New   |        |            | 1
    01-20     | flagged_and_back      |          | New
    01-10     | flagged               |          | New   |        |            | 1
    01-12     | flagged               |          | New   |        |            | 1
    01-20     | flagged               |          | New   |        |            | 1
    01-10     | gone                  |          | Demo
    # values come and go
    01-10     | amount_emptied        |          | New   | 100
    01-12     | amount_emptied        |          | New   |
    01-20     | amount_emptied        |          | New   | 200
    01-10     | moved_on              |          | New
    01-12     | moved_on              |          | Demo
    01-20     | moved_on              |          | Demo
    # of two rows with one id in one file, the last counts
    01-10     | twice_in_a_file       |          | New   | 10
    01-10     | twice_in_a_file       |          | Demo  | 11
    01-12     | twice_in_a_file       |          | Demo  | 11
    01-20     | twice_in_a_file       |          | Demo  | 11
"""

LOG_AND_EXTRACTS = """
    delivered | deal_id                 | pipeline | stage | status | amount | owner_id | close_on
    01-20     | won_by_status           |          | Demo  | won
    01-10     | closes_in_future        |          | Demo
    01-12     | closes_in_future        |          | Won   |        |        |          | 2026-03-01
    01-20     | closes_in_future        |          | Won   |        |        |          | 2026-03-01
    01-10     | pipeline_spelled_sales  | Sales    | New
    01-12     | pipeline_spelled_sales  | Sales    | New
    01-20     | pipeline_spelled_sales  | Sales    | New
    01-20     | pipeline_spelled_small  | sales    | Demo  | won
    01-20     | lost_and_reopened       |          | Offer | open
    01-20     | owner_handed_on         |          | Demo  |        |        | u2
    01-20     | moved_while_lost        |          | Demo  | open
    01-20     | close_date_pushed       |          | Offer | open
    # a status and a pipeline, but no stage
    01-12     | won_without_stage       | X        |       | won    |        |          | 2026-01-08
    01-20     | won_without_stage       | X        |       | won    |        |          | 2026-01-08
"""
LOG_BESIDE_EXTRACTS = """
    delivered | deal_id                 | field             | old_value  | new_value           | changed_at
    # a win that the log tells of as a status
    01-20     | won_by_status           | status            | open       | won                 | 2026-01-11 09:00:00
    01-20     | pipeline_spelled_small  | status            | open       | won                 | 2026-01-11 09:00:00
    # what the log does not tell, the row does
    01-20     | closes_in_future        | stage             | New        | Demo                | 2026-01-08 09:00:00
    # in no extract at all, and flagged before its last word
    01-20     | flagged_in_the_log_only | created_at        |            | 2026-01-03 09:00:00 | 2026-01-03 09:00:00
    01-20     | flagged_in_the_log_only | stage             |            | New                 | 2026-01-03 09:00:00
    01-20     | flagged_in_the_log_only | status            | open       | deleted             | 2026-01-10 09:00:00
    01-20     | flagged_in_the_log_only | amount            | 5          | 6                   | 2026-01-19 09:00:00
    # reopened into the stage of that moment, which only a later change names
    01-20     | lost_and_reopened       | status            | open       | lost                | 2026-01-05 09:00:00
    01-20     | lost_and_reopened       | status            | lost       | open                | 2026-01-06 09:00:00
    01-20     | lost_and_reopened       | stage             | Demo       | Offer               | 2026-01-08 09:00:00
    01-20     | owner_handed_on         | stage             | New        | Demo                | 2026-01-05 09:00:00
    01-20     | owner_handed_on         | owner_id          | u0         | u1                  | 2026-01-05 09:00:00
    01-20     | moved_while_lost        | stage             | New        | Demo                | 2026-01-05 09:00:00
    01-20     | moved_while_lost        | status            | open       | lost                | 2026-01-06 09:00:00
    01-20     | moved_while_lost        | stage             | Demo       | Offer               | 2026-01-07 09:00:00
    01-20     | moved_while_lost        | status            | lost       | open                | 2026-01-08 09:00:00
    01-20     | moved_while_lost        | stage             | Offer      | Demo                | 2026-01-09 09:00:00
    01-20     | close_date_pushed       | stage             |            | New                 | 2026-01-05 09:00:00
    01-20     | close_date_pushed       | expected_close_on |            | 2026-02-01          | 2026-01-05 09:00:00
    01-20     | close_date_pushed       | expected_close_on | 2026-02-01 | 2026-02-20          | 2026-01-07 09:00:00
    01-20     | close_date_pushed       | stage             | New        | Offer               | 2026-01-07 09:00:00
    01-20     | close_date_pushed       | expected_close_on | 2026-02-20 |                     | 2026-01-08 09:00:00
"""

FIRST_CLOSE_STANDS = """
    delivered | deal_id                | stage | amount | owner_id | close_on   | lost_reason
    # amount and owner are those of the first close, whatever comes later
    01-10     | won_before_the_first   | Won   | 100    | a        | 2026-01-08
    01-12     | won_before_the_first   | Won   | 100    | a        | 2026-01-08
    01-20     | won_before_the_first   | Won   | 200    | b        | 2026-01-08
    01-10     | won_in_the_log         | Demo  | 100    | a
    01-12     | won_in_the_log         | Won   | 100    | a
    01-20     | won_in_the_log         | Won   | 200    | b
    # NULL at the first close stays NULL
    01-10     | won_empty_then_filled  | New   |        |
    01-12     | won_empty_then_filled  | Won   |        |
    01-20     | won_empty_then_filled  | Won   | 200    | b
    01-10     | emptied_by_the_win     | New   | 100    | a
    01-12     | emptied_by_the_win     | Won   |        |
    01-20     | emptied_by_the_win     | Won   |        |
    # and so it is with the reason of a loss
    01-10     | reason_changed_later   | New   | 100    | a
    01-12     | reason_changed_later   | Lost  | 100    | a        |            | price
    01-20     | reason_changed_later   | Lost  | 100    | a        |            | timing
    01-10     | reason_given_later     | New   | 100    | a
    01-12     | reason_given_later     | Lost  | 100    | a
    01-20     | reason_given_later     | Lost  | 100    | a        |            | late
    # a reopening moves nothing
    01-10     | lost_then_reopened     | New   | 100    | a
    01-12     | lost_then_reopened     | Lost  | 100    | a        |            | price
    01-20     | lost_then_reopened     | Demo  | 200    | b
"""
LOG_OF_FIRST_CLOSES = """
    delivered | deal_id                | field  | old_value | new_value | changed_at
    01-20     | won_in_the_log         | stage  | New       | Demo      | 2026-01-05 09:00:00
    01-20     | won_in_the_log         | status | open      | won       | 2026-01-11 09:00:00
    # no extract has ever had it
    01-20     | log_only               | stage  |           | New       | 2026-01-05 09:00:00
"""

ONE_SOLID_PIPELINE = """
    delivered | deal_id   | stage
    01-10     | bystander | New
"""
LOG_OF_ONE_SOLID_PIPELINE = """
    delivered | deal_id   | field    | old_value | new_value | changed_at
    # closed where the first close stands, then moved to where the latest state counts
    01-05     | moved_out | pipeline |           | Solid     | 2026-01-03 09:00:00
    01-05     | moved_out | stage    |           | New       | 2026-01-03 09:00:00
    01-05     | moved_out | status   | open      | lost      | 2026-01-04 09:00:00
    01-05     | moved_out | pipeline | Solid     | default   | 2026-01-05 09:00:00
    01-05     | moved_out | stage    | New       | Demo      | 2026-01-05 09:00:00
"""

INCREMENTAL = """
    delivered | deal_id               | stage | amount | created_at | close_on
    # no extract is compared with the one before: the newest row alone tells, from when it was first delivered
    01-10     | won_then_lost         | Won   |        | 2026-01-02
    01-20     | won_then_lost         | Lost  |        | 2026-01-02
    01-10     | won_reopened_won      | Won   |        | 2026-01-02
    01-12     | won_reopened_won      | New   |        | 2026-01-02
    01-20     | won_reopened_won      | Won   |        | 2026-01-02
    01-10     | close_moved_to_future | Won   |        | 2026-01-02 | 2026-01-05
    01-20     | close_moved_to_future | Won   |        | 2026-01-02 | 2026-05-01
    01-10     | birth_moved_to_future | New   |        | 2026-01-02
    01-20     | birth_moved_to_future | New   |        | 2026-05-02
    01-10     | moved_on              | New   | 10     | 2026-01-02
    01-20     | moved_on              | Demo  | 99     | 2026-01-02
    # a row, and a log that comes after it
    01-10     | flagged_in_the_log    | New   |        | 2026-01-02
    01-10     | told_twice            | Demo  | 10     | 2026-01-02
    01-10     | ahead_of_its_log      | Offer |        | 2026-01-02
"""
INCREMENTAL_LOG = """
    delivered | deal_id            | field  | old_value | new_value | changed_at
    01-20     | flagged_in_the_log | status | open      | deleted   | 2026-01-15 09:00:00
    01-20     | told_twice         | stage  | New       | Demo      | 2026-01-05 09:00:00
    01-20     | told_twice         | amount | 8         | 9         | 2026-01-06 09:00:00
    01-20     | told_twice         | stage  | Demo      | Offer     | 2026-01-16 09:00:00
    01-20     | told_twice         | amount | 9         | 20        | 2026-01-16 09:00:00
    01-25     | told_twice         | stage  | Demo      | Offer     | 2026-01-16 09:00:00
    01-25     | told_twice         | amount | 9         | 20        | 2026-01-16 09:00:00
    01-25     | ahead_of_its_log   | stage  | New       | Demo      | 2026-01-05 09:00:00
"""

EXTRACTS_BESIDE_A_FULL_LOG = """
    delivered | deal_id   | stage
    01-10     | in_both   | Demo
    01-20     | in_both   | Demo
    01-30     | in_both   | Demo
"""
#: Each delivery tells it all again; a deal that only the log knows is gone from the first extract after its birth.
FULL_LOG = """
    delivered | deal_id  | field | old_value | new_value | changed_at
    01-10     | in_both  | stage |           | New       | 2026-01-03 09:00:00
    01-10     | in_both  | stage | New       | Demo      | 2026-01-04 09:00:00
    01-20     | in_both  | stage |           | New       | 2026-01-03 09:00:00
    01-20     | in_both  | stage | New       | Demo      | 2026-01-04 09:00:00
    01-30     | in_both  | stage |           | New       | 2026-01-03 09:00:00
    01-30     | in_both  | stage | New       | Demo      | 2026-01-04 09:00:00
    01-10     | log_only | stage |           | New       | 2026-01-03 09:00:00
    01-10     | log_only | stage | New       | Demo      | 2026-01-04 09:00:00
    01-20     | log_only | stage |           | New       | 2026-01-03 09:00:00
    01-20     | log_only | stage | New       | Demo      | 2026-01-04 09:00:00
    01-30     | log_only | stage |           | New       | 2026-01-03 09:00:00
    01-30     | log_only | stage | New       | Demo      | 2026-01-04 09:00:00
"""

EXTRACTS_WITHOUT_THE_LOGGED = """
    delivered | deal_id   | stage
    01-01     | bystander | New
    01-10     | bystander | New
"""
#: Deals no extract has, half of them in pipelines nobody has configured.
LOG_ONLY = """
    delivered | deal_id                   | field    | old_value | new_value | changed_at
    01-20     | won_without_stage         | pipeline |           | Y         | 2026-01-05 09:00:00
    01-20     | won_without_stage         | status   | open      | won       | 2026-01-06 09:00:00
    01-20     | lost_in_unlisted_pipeline | pipeline |           | Z         | 2026-01-05 09:00:00
    01-20     | lost_in_unlisted_pipeline | stage    |           | New       | 2026-01-05 09:00:00
    01-20     | lost_in_unlisted_pipeline | stage    | New       | LOST      | 2026-01-08 09:00:00
    # from one outcome to the other
    01-20     | lost_then_won             | stage    |           | New       | 2026-01-05 09:00:00
    01-20     | lost_then_won             | status   | open      | lost      | 2026-01-06 09:00:00
    01-20     | lost_then_won             | status   | lost      | won       | 2026-01-08 09:00:00
    # a flag is no stage
    01-20     | won_flagged_reopened      | stage    |           | New       | 2026-01-05 09:00:00
    01-20     | won_flagged_reopened      | status   | open      | won       | 2026-01-06 09:00:00
    01-20     | won_flagged_reopened      | status   | won       | deleted   | 2026-01-07 09:00:00
    01-20     | won_flagged_reopened      | status   | deleted   | open      | 2026-01-08 09:00:00
    # not yet
    01-20     | told_of_the_future        | stage    |           | New       | 2026-01-05 09:00:00
    01-20     | told_of_the_future        | stage    | New       | Demo      | 2026-03-31 23:30:00
"""

EXTRACT_BEFORE_VERSIONS = """
    delivered | deal_id   | stage
    01-01     | bystander | New
"""
VERSIONS_ONLY = """
    delivered | version_id | deal_id     | stage | amount | owner_id | expected_close_on | version_at
    # what the newest version leaves empty is empty
    01-20     | 11         | emptied     | New   | 100    | a        | 2026-02-01        | 2026-01-03 09:00:00
    01-20     | 12         | emptied     | Demo  |        |          |                   | 2026-01-05 09:00:00
    # at one time: by stage, then by id
    01-20     | 21         | at_one_time | Demo  | 100    | a        | 2026-02-01        | 2026-01-03 09:00:00
    01-20     | 22         | at_one_time | Demo  | 200    | b        | 2026-02-01        | 2026-01-03 09:00:00
    01-20     | 31         | won         | New   | 100    | a        | 2026-02-01        | 2026-01-03 09:00:00
    01-20     | 32         | won         | Won   | 100    | a        | 2026-02-01        | 2026-01-09 09:00:00
"""

#: The stage's id names its pipeline, whatever the row calls that.
STAGES_BY_ID = """
    delivered | stage_id | stage_name | pipeline
    01-20     | 11       | Start      | Sales
    01-20     | 12       | Mid        | Sales
"""
DEALS_BY_STAGE_ID = """
    delivered | deal_id             | pipeline | stage | status | close_on
    01-20     | won                 | 1        | 11    | won    | 2026-01-16
    01-20     | won_pipeline_untold |          | 11    | won    | 2026-01-16
    01-20     | lost_and_reopened   | 1        | 11    | open
    01-20     | moved_on            | 1        | 12    | open
"""
LOG_BY_STAGE_ID = """
    delivered | deal_id             | field  | old_value | new_value | changed_at
    01-20     | won                 | status | open      | won       | 2026-01-11 09:00:00
    01-20     | won_pipeline_untold | status | open      | won       | 2026-01-11 09:00:00
    01-20     | lost_and_reopened   | status | open      | lost      | 2026-01-05 09:00:00
    01-20     | lost_and_reopened   | status | lost      | open      | 2026-01-07 09:00:00
    01-20     | moved_on            | stage  | 11        | 12        | 2026-01-11 09:00:00
"""

DATES_OF_STAGES = """
    delivered | deal_id           | stage | amount | close_on   | Entered New | Entered Demo | Entered Won
    # dates tell of stages, extracts of the rest
    01-10     | amount_by_extract | New   | 100    |            | 2026-01-03
    01-12     | amount_by_extract | Demo  | 100    |            | 2026-01-03  | 2026-01-11
    01-20     | amount_by_extract | Demo  | 200    |            | 2026-01-03  | 2026-01-11
    # a stage entered again keeps its later date; where it was before, only the first extract knows
    01-10     | entered_again     | New   | 100    |            | 2026-01-03
    01-12     | entered_again     | Demo  | 100    |            | 2026-01-03  | 2026-01-11
    01-20     | entered_again     | New   | 100    |            | 2026-01-18  | 2026-01-11
    # the last stage has no date
    01-10     | won_undated       | New   | 100    |            | 2026-01-03
    01-12     | won_undated       | New   | 100    |            | 2026-01-03
    01-20     | won_undated       | Won   | 100    | 2026-01-15 | 2026-01-03
    # a date that is no longer delivered
    01-10     | date_withdrawn    | New   | 100    |            | 2026-01-03
    01-12     | date_withdrawn    | Demo  | 100    |            | 2026-01-03  | 2026-01-11
    01-20     | date_withdrawn    | Demo  | 100    |            |             | 2026-01-11
"""

MERGES = """
    delivered | deal_id           | stage | merged_ids               | merged_into_id
    # named by the survivor: at once, and a night after it was gone
    01-10     | survivor          | New
    01-12     | survivor          | New   | swallowed
    01-20     | survivor          | New   | swallowed;swallowed_late
    01-10     | swallowed         | New
    01-10     | swallowed_late    | New
    # named by the merged one, which stays in the list
    01-10     | names_survivor    | New
    01-12     | names_survivor    | New   |                          | survivor
    01-20     | names_survivor    | New   |                          | survivor
    # a merge of a merge
    01-10     | first_of_a_chain  | New
    01-10     | second_of_a_chain | New
    01-10     | end_of_a_chain    | New
    01-12     | second_of_a_chain | New   | first_of_a_chain
    01-12     | end_of_a_chain    | New
    01-20     | second_of_a_chain | New   | first_of_a_chain         | end_of_a_chain
    01-20     | end_of_a_chain    | New
    # taken back
    01-10     | merged_by_mistake | New
    01-12     | merged_by_mistake | New
    01-20     | merged_by_mistake | New
    01-10     | sorry             | New
    01-12     | sorry             | New   | merged_by_mistake
    01-20     | sorry             | New
"""

#: Midnight of February in Berlin is 23:00 in this CRM; its extract of the 1st is of 01:00 there.
MONTH_END = """
    delivered | deal_id                 | stage | amount
    01-01     | bystander               | New
    01-10     | bystander               | New
    01-31     | bystander               | New
    02-01     | bystander               | New
    01-10     | shown_on_the_last_day   | New   | 10
    01-31     | shown_on_the_last_day   | Demo  | 20
    02-01     | shown_on_the_last_day   | Demo  | 20
    01-10     | shown_on_the_first_day  | New   | 10
    01-31     | shown_on_the_first_day  | New   | 10
    02-01     | shown_on_the_first_day  | Offer | 10
    01-10     | logged_around_midnight  | New   | 5
    01-31     | logged_around_midnight  | New   | 5
    02-01     | logged_around_midnight  | Demo  | 7
"""
LOG_AT_MONTH_END = """
    delivered | deal_id                | field  | old_value | new_value | changed_at
    02-01     | logged_around_midnight | stage  |           | New       | 2026-01-05 09:00:00
    02-01     | logged_around_midnight | amount |           | 5         | 2026-01-05 09:00:00
    # 23:30 in Berlin, on the 31st
    02-01     | logged_around_midnight | amount | 5         | 7         | 2026-01-31 22:30:00
    # 00:30 in Berlin, on the 1st
    02-01     | logged_around_midnight | stage  | New       | Demo      | 2026-01-31 23:30:00
"""

NORTH = """
    delivered | deal_id    | stage
    01-10     | bystander  | New
    01-12     | bystander  | New
    01-20     | bystander  | New
    # gone from here, and found in the south that very night
    01-10     | moved_feed | New
    # gone from here, and found nowhere
    01-10     | gone       | New
"""
SOUTH = """
    delivered | deal_id    | stage
    01-12     | moved_feed | Demo
    01-20     | moved_feed | Demo
    01-12     | newcomer   | New
    01-20     | newcomer   | Demo
"""


def deals(table: str, deliveries: str = "full") -> Feed:
    return Feed("deals", table, deliveries)


def log(table: str, deliveries: str = "incremental") -> Feed:
    return Feed("deal_changes", table, deliveries)


SOURCES = {
    "full_extracts": Source({"deals": deals(FULL_EXTRACTS)}),
    "log_and_extracts": Source({"deals": deals(LOG_AND_EXTRACTS), "log": log(LOG_BESIDE_EXTRACTS)}),
    "first_close_stands": Source(
        {"deals": deals(FIRST_CLOSE_STANDS), "log": log(LOG_OF_FIRST_CLOSES)}, after_close="keep_first"
    ),
    "one_solid_pipeline": Source(
        {"deals": deals(ONE_SOLID_PIPELINE), "log": log(LOG_OF_ONE_SOLID_PIPELINE)}, pipelines=[SOLID, DEFAULT]
    ),
    "incremental": Source({"deals": deals(INCREMENTAL, "incremental"), "log": log(INCREMENTAL_LOG)}),
    "full_log": Source({"deals": deals(EXTRACTS_BESIDE_A_FULL_LOG), "log": log(FULL_LOG, "full")}),
    "log_only": Source({"deals": deals(EXTRACTS_WITHOUT_THE_LOGGED), "log": log(LOG_ONLY)}),
    "versions_only": Source(
        {"deals": deals(EXTRACT_BEFORE_VERSIONS), "versions": Feed("deal_versions", VERSIONS_ONLY)}
    ),
    "stages_by_id": Source(
        {
            "stages": Feed("stages", STAGES_BY_ID),
            "deals": deals(DEALS_BY_STAGE_ID, "incremental"),
            "log": log(LOG_BY_STAGE_ID),
        }
    ),
    "stage_dates": Source({"deals": deals(DATES_OF_STAGES)}),
    "merges": Source({"deals": deals(MERGES)}),
    "month_end": Source({"deals": deals(MONTH_END), "log": log(LOG_AT_MONTH_END)}, timezone="UTC"),
    "two_feeds": Source({"north": deals(NORTH), "south": deals(SOUTH)}),
}


def deliver(
    folder: Path, sources: dict[str, Source] = SOURCES, goals: Sequence[dict[str, Any]] = ()
) -> tuple[Path, Path]:
    """Writes the configuration and the landing folder, and says where."""
    config, landing = folder / "pipeline.yml", folder / "landing"
    text = yaml.safe_dump({**configuration(sources), "goals": list(goals)}, sort_keys=False)
    config.write_text(text, encoding="utf-8")
    for name, source in sources.items():
        for feed_name, feed in source.feeds.items():
            for path, rows in files(landing / name, feed_name, feed).items():
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("w", encoding="utf-8", newline="") as file:
                    csv.writer(file).writerows(rows)
    return config, landing


def configuration(sources: dict[str, Source]) -> dict[str, Any]:
    """`pipeline.yml`: a heading is the canonical column's name, and an extract of two deals is none too small."""
    return {
        "timezone": REPORTING_ZONE,
        "currency": "EUR",
        "thresholds": {"min_volume_share": 0},
        "sources": [
            {
                "name": name,
                "timezone": source.timezone,
                "id_separator": ";",
                "after_close": source.after_close,
                "feeds": {feed_name: feed_entry(feed_name, feed) for feed_name, feed in source.feeds.items()},
                "pipelines": source.pipelines,
            }
            for name, source in sources.items()
        ],
    }


def feed_entry(name: str, feed: Feed) -> dict[str, Any]:
    dated = [heading for heading in headings(feed) if heading.startswith("Entered ")]
    return {
        "entity": feed.entity,
        "deliveries": feed.deliveries,
        "files": [f"{name}_*.csv"],
        "columns": {heading: heading for heading in headings(feed) if heading not in dated},
        **({"stage_dates": [STAGE_DATES]} if dated else {}),
    }


def headings(feed: Feed) -> list[str]:
    """The columns of a feed's files."""
    written = cells(feed.table)[0][1:]
    return written if feed.entity != "deals" or "created_at" in written else [*written, "created_at"]


def files(folder: Path, name: str, feed: Feed) -> dict[Path, list[list[str]]]:
    """Path → the lines of the file, its headings first."""
    (_, *written), *lines = cells(feed.table)
    found: dict[Path, list[list[str]]] = defaultdict(lambda: [headings(feed)])
    for day, *values in lines:
        row = {"created_at": CREATED} | dict.fromkeys(written, "") | dict(zip(written, values, strict=False))
        found[folder / f"{name}_2026-{day}.csv"].append([row[heading] for heading in headings(feed)])
    return found


def cells(table: str) -> list[list[str]]:
    """A table's lines without its comments, as stripped cells."""
    lines = [line.strip() for line in table.strip().splitlines()]
    return [[cell.strip() for cell in line.split("|")] for line in lines if not line.startswith("#")]
