"""A small CRM and what it exported: four extracts of each feed, 20 November to 20 December 2025.

Deals 1 to 40 go their way by the calendar; S1 to S5 lie still, for the limits of `stale_deal`.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from tests.faults.nights import Nights

CONFIG = """
timezone: UTC
currency: EUR
landing_dir: landing
thresholds: {stale_after_days: 30}
sources:
  - name: crm
    date_formats: ["%d.%m.%Y"]
    feeds:
      deals:
        entity: deals
        files: ["deals_*.csv"]
        columns:
          deal_id: Id
          stage: Stage
          amount: Amount
          owner_id: Owner
          lead_id: Lead
          created_at: Created
          close_on: Close
      log:
        entity: deal_changes
        deliveries: incremental
        files: ["log_*.csv"]
        columns: {deal_id: Deal, field: Field, old_value: Old, new_value: New, changed_at: At}
      calls:
        entity: activities
        deliveries: incremental
        files: ["calls_*.csv"]
        constants: {activity_type: call, is_done: "true"}
        columns: {activity_id: Id, deal_id: Deal, completed_at: At}
      leads:
        entity: leads
        files: ["leads_*.csv"]
        columns: {lead_id: Id, status: Status, created_at: Created}
        converted_lead_statuses: [converted]
        closed_lead_statuses: [converted, rejected]
    pipelines:
      - name: default
        stages:
          - {name: New, canonical: prospecting}
          - {name: Demo, canonical: demo, qualified: true}
          - {name: Offer, canonical: proposal}
          - {name: Won, canonical: won}
          - {name: Lost, canonical: lost}
"""

FIRST, SECOND, LAST = "2025-12-05T00:00:00Z", "2025-12-12T00:00:00Z", "2025-12-31T00:00:00Z"
DAYS = [date(2025, 11, 20), date(2025, 12, 1), date(2025, 12, 10), date(2025, 12, 20)]

#: On 31 December: touched 31, 30, 29 days ago; 30 days ago by a call; 30 days ago by a change of stage.
STILL = {"S1": date(2025, 11, 30), "S2": date(2025, 12, 1), "S3": date(2025, 12, 2)}
STILL_BUT_FOR_A_CALL, STILL_BUT_FOR_A_MOVE = "S4", "S5"
TOUCHED = datetime(2025, 12, 1, 10)
LONG_AGO = date(2025, 10, 1)


def _created(n: int) -> date:
    return date(2025, 11, 1) + timedelta(days=n % 25)


def _moves(n: int) -> list[tuple[datetime, str]]:
    """The stages deal `n` goes through, and when."""
    days = [(0, "New"), (7, "Demo"), (16, "Offer")]
    if n % 3 != 2:
        days.append((26, "Won" if n % 3 == 0 else "Lost"))
    return [(datetime(2025, 11, 1, 9) + timedelta(days=n % 25 + after), stage) for after, stage in days]


def _stage(n: int, day: date) -> str:
    reached = [stage for at, stage in _moves(n) if at.date() < day]
    return reached[-1]


def _numbers(day: date) -> list[int]:
    """The deals an extract of this day holds: number 7 is missing from one and comes back, number 8 does not."""
    missing = {DAYS[2]: (7,), DAYS[3]: (8,)}.get(day, ())
    return [n for n in range(1, 41) if _created(n) < day and n not in missing]


def deals(day: date) -> str:
    lines = ["Id,Stage,Amount,Owner,Lead,Created,Close"]
    for n in _numbers(day):
        stage = _stage(n, day)
        close = _moves(n)[-1][0].date() if stage in ("Won", "Lost") else _created(n) + timedelta(days=30)
        amount = "" if n == 5 else f"{n * 100 + day.day}.00"
        lines.append(f"{n},{stage},{amount},O{n % 3},L{n},{_created(n)} 09:00:00,{close}")
    still = {**STILL, STILL_BUT_FOR_A_CALL: LONG_AGO, STILL_BUT_FOR_A_MOVE: LONG_AGO}
    for name, created in still.items():
        stage = "Demo" if name == STILL_BUT_FOR_A_MOVE and day > TOUCHED.date() else "New"
        if created < day:
            lines.append(f"{name},{stage},50,O1,,{created} 09:00:00,2026-06-30")
    return "\n".join(lines)


def _between(day: date) -> tuple[date, date]:
    at = DAYS.index(day)
    return (DAYS[at - 1] if at else date(2025, 1, 1)), day


def log(day: date) -> str:
    """What changed since the extract before."""
    since, before = _between(day)
    lines = ["Deal,Field,Old,New,At"]
    for n in range(1, 41):
        stages = _moves(n)
        for (_, old), (at, new) in zip([(None, ""), *stages], stages, strict=False):
            if since <= at.date() < before:
                lines.append(f"{n},stage,{old},{new},{at}")
    if since <= TOUCHED.date() < before:
        lines.append(f"{STILL_BUT_FOR_A_MOVE},stage,New,Demo,{TOUCHED}")
    return "\n".join(lines)


def calls(day: date) -> str:
    since, before = _between(day)
    lines = ["Id,Deal,At", f"C{day.day},nobody,{since} 12:00:00"]
    for n in range(1, 41):
        lines += [
            f"C{n}-{after},{n},{_created(n) + timedelta(days=after)} 15:00:00"
            for after in (3, 12, 30)
            if since <= _created(n) + timedelta(days=after) < before
        ]
    if since <= TOUCHED.date() < before:
        lines.append(f"CS,{STILL_BUT_FOR_A_CALL},{TOUCHED}")
    return "\n".join(lines)


def leads(day: date) -> str:
    lines = ["Id,Status,Created"]
    lines += [
        f"L{n},{'rejected' if n % 4 else 'converted'},{_created(n)} 07:00:00" for n in range(1, 50) if _created(n) < day
    ]
    return "\n".join(lines)


def ragged_deals(day: date) -> str:
    """More than one row in twenty without its last cells."""
    header, *rows = deals(day).splitlines()
    return "\n".join([header, *(row.rsplit(",", 3)[0] if n < 5 else row for n, row in enumerate(rows))])


def deliver(nights: Nights, *files: tuple[Any, date], folder: str = "") -> None:
    """Writes the files of these feeds and days, in this order."""
    for feed, day in files:
        name = feed.__name__.removeprefix("ragged_")
        nights.deliver(f"crm/{folder}{name}_{day}.csv", feed(day))
