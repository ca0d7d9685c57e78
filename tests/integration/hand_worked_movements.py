"""Deals that move the pipeline in every way there is, small enough to be added up by hand; told as in
`hand_worked_histories`. All are created on 2 January, and all times are Berlin's."""

from __future__ import annotations

from tests.integration.hand_worked_histories import DEFAULT, SOLID, Source, deals, log

EXTRACTS = """
    delivered | deal_id            | pipeline | stage | status | amount | expected_close_on
    01-10     | won_at_once        | default  | New   | won    | 50
    02-04     | won_at_once        | default  | New   | won    | 50
    01-10     | lost_and_back      | default  | New   | open   | 100    | 2026-01-15
    02-04     | lost_and_back      | default  | New   | won    | 999    | 2026-02-28
    01-10     | unknown_then_known | default  | New   | open
    02-04     | unknown_then_known | default  | New   | open   | 10
    01-10     | won_at_midnight    | default  | Demo  | open   | 20
    02-04     | won_at_midnight    | default  | Demo  | won    | 20
    # the extract of February has neither of these
    01-10     | gone               | default  | New   | open   | 7
    01-10     | lost_then_gone     | default  | New   | lost   | 7
    01-10     | moved              | default  | New   | open   | 5
    02-04     | moved              | Solid    | New   | open   | 5
    01-10     | stays_lost         | Solid    | New   | lost   | 3
    02-04     | stays_lost         | Solid    | New   | open   | 3
"""
LOG = """
    delivered | deal_id            | field             | old_value  | new_value  | changed_at
    02-04     | won_at_once        | stage             |            | New        | 2026-01-02 00:00:00
    02-04     | won_at_once        | status            | open       | won        | 2026-01-02 10:00:00
    # lost and back on one day, won in the last second of the month
    02-04     | lost_and_back      | stage             |            | New        | 2026-01-02 00:00:00
    02-04     | lost_and_back      | status            | open       | lost       | 2026-01-11 09:00:00
    02-04     | lost_and_back      | status            | lost       | open       | 2026-01-11 15:00:00
    02-04     | lost_and_back      | amount            | 100        | 200        | 2026-01-20 09:00:00
    02-04     | lost_and_back      | amount            | 200        | 150        | 2026-01-31 12:00:00
    02-04     | lost_and_back      | status            | open       | won        | 2026-01-31 23:59:59
    # what comes after its last day moves nothing
    02-04     | lost_and_back      | amount            | 150        | 999        | 2026-02-01 09:00:00
    02-04     | lost_and_back      | expected_close_on | 2026-01-15 | 2026-02-15 | 2026-01-12 09:00:00
    02-04     | lost_and_back      | expected_close_on | 2026-02-15 | 2026-02-10 | 2026-01-25 09:00:00
    # with the close, and so no slippage
    02-04     | lost_and_back      | expected_close_on | 2026-02-10 | 2026-02-28 | 2026-01-31 23:59:59
    02-04     | unknown_then_known | stage             |            | New        | 2026-01-02 00:00:00
    02-04     | unknown_then_known | amount            |            | 30         | 2026-01-15 09:00:00
    # up and down again within a day
    02-04     | unknown_then_known | amount            | 30         | 90         | 2026-01-16 09:00:00
    02-04     | unknown_then_known | amount            | 90         | 30         | 2026-01-16 10:00:00
    02-04     | unknown_then_known | amount            | 30         | 10         | 2026-02-02 09:00:00
    # forward, back, over the mandatory demo; won when February begins
    02-04     | won_at_midnight    | stage             |            | New        | 2026-01-02 00:00:00
    02-04     | won_at_midnight    | stage             | New        | Demo       | 2026-01-04 09:00:00
    02-04     | won_at_midnight    | stage             | Demo       | New        | 2026-01-12 09:00:00
    02-04     | won_at_midnight    | stage             | New        | Offer      | 2026-01-13 09:00:00
    02-04     | won_at_midnight    | stage             | Offer      | Demo       | 2026-01-14 09:00:00
    02-04     | won_at_midnight    | status            | open       | won        | 2026-02-01 00:00:00
    02-04     | gone               | stage             |            | New        | 2026-01-02 00:00:00
    02-04     | lost_then_gone     | stage             |            | New        | 2026-01-02 00:00:00
    02-04     | lost_then_gone     | status            | open       | lost       | 2026-01-08 09:00:00
    02-04     | moved              | stage             |            | New        | 2026-01-02 00:00:00
    02-04     | moved              | pipeline          | default    | Solid      | 2026-02-03 09:00:00
    # a first close that stands
    02-04     | stays_lost         | stage             |            | New        | 2026-01-02 00:00:00
    02-04     | stays_lost         | status            | open       | lost       | 2026-01-08 09:00:00
    02-04     | stays_lost         | status            | lost       | open       | 2026-01-20 09:00:00
"""

SOURCES = {"crm": Source({"deals": deals(EXTRACTS), "log": log(LOG)}, pipelines=[DEFAULT, SOLID])}
GOALS = [
    {"source": "crm", "goal": "closing_amount", "target": 50},
    {"source": "crm", "goal": "closing_amount", "target": 0, "month": "2026-02..2026-12"},
    {"source": "crm", "goal": "deals_lost", "target": 2, "month": "2026-01"},
    {"source": "crm", "goal": "win_rate", "target": 0.5, "pipeline": "SOLID", "month": "2026-01"},
    {"source": "crm", "goal": "entered", "target": 8, "stage": "new", "month": "2026-01"},
]
