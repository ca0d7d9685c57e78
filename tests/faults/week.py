"""The life of one small warehouse, played once for every test that looks at it.

    first      AS_OF 5 December: four files of November and December, one of them not yet due
    blocked    12 December: the newest extract of deals came out ragged
    killed     31 December: the mended extract, late files and copies of old ones are there; SIGKILL while dbt builds
    last       31 December once more, with a reader who has had the first publication open since
    from_lake  everything but lake/ deleted, stale_after_days 30 → 29
    rebuilt    the whole warehouse deleted; landing holds every file once

Deals 1 to 40 go their way by the calendar; S1 to S5 lie still, for the limits of `stale_deal`.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.conftest import Warehouse
from tests.faults.nights import Nights, fingerprints, tables, tables_of, until

CONFIG = """
timezone: UTC
currency: EUR
landing_dir: landing
thresholds: {stale_after_days: 30}
sources:
  - name: crm
    feeds:
      deals:
        entity: deals
        files: ["deals_*.csv"]
        columns: {deal_id: Id, stage: Stage, amount: Amount, owner_id: Owner, lead_id: Lead, created_at: Created, close_on: Close}
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


@dataclass
class Night:
    """What is left of a night for the tests."""

    warehouse: Warehouse
    tables: dict[str, list[tuple[Any, ...]]]
    run_json: dict[str, Any]
    readable: dict[str, str] = field(default_factory=dict)

    def rows(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        """Some columns of a table."""
        header, *rows = self.tables[table]
        at = [header.index(column) for column in columns]
        return sorted((tuple(row[position] for position in at) for row in rows), key=repr)

    def broken(self, rule: str) -> list[str]:
        """The records that break a rule today."""
        found = self.rows("quality.hygiene_violations", "record_key", "rule", "resolved_on")
        return [key for key, said, resolved in found if said == rule and resolved is None]


def _seen(nights: Nights, warehouse: Warehouse) -> Night:
    return Night(warehouse, tables(nights.warehouse), warehouse.run_json, fingerprints(nights.warehouse))


@pytest.fixture(scope="session")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Nights:
    nights = Nights(tmp_path_factory.mktemp("week"))
    nights.config.write_text(CONFIG, encoding="utf-8")
    return nights


@pytest.fixture(scope="session")
def first(nights: Nights) -> Night:
    one, two, _, four = DAYS
    deliver(nights, (deals, two), (deals, four), (log, one), (calls, two), (leads, one), (deals, one), (log, two))
    deliver(nights, (calls, one))
    warehouse = nights.play(FIRST)
    assert warehouse.status == 0, warehouse.output
    return _seen(nights, warehouse)


@pytest.fixture(scope="session")
def blocked(nights: Nights, first: Night) -> Night:
    _, _, three, four = DAYS
    deliver(nights, (ragged_deals, three), (calls, four), (log, four))
    warehouse = nights.play(SECOND)
    nights.keep("blocked")
    return _seen(nights, warehouse)


@pytest.fixture(scope="session")
def killed(nights: Nights, blocked: Night) -> Night:
    one, two, three, four = DAYS
    deliver(nights, (deals, three), (calls, three), (log, three), (leads, four), (leads, two))
    deliver(nights, (deals, one), (log, two), (leads, four), folder="sent again/")
    os.utime(nights.landing / "crm" / f"deals_{two}.csv")
    running = nights.start(LAST)
    until(lambda: dbt_is_building(nights))
    running.kill()
    return _seen(nights, Warehouse(nights.warehouse, running.wait(), running.said))


def dbt_is_building(nights: Nights) -> bool:
    """Whether dbt has written some tables and still has its databases open."""
    log = nights.warehouse / "building" / "pipeline.duckdb.wal"
    return log.exists() and log.stat().st_size > 15_000


@dataclass
class Reader:
    """What a reader saw who opened the database before a night and did not let go of it."""

    before: dict[str, list[tuple[Any, ...]]]
    after: dict[str, list[tuple[Any, ...]]]
    parquet_rows: dict[str, tuple[int, int]]


@pytest.fixture(scope="session")
def last_and_reader(nights: Nights, killed: Night) -> tuple[Night, Reader]:
    connection = duckdb.connect(str(nights.warehouse / "pipeline.duckdb"), read_only=True)
    files = sorted((nights.warehouse / "marts").resolve().glob("*.parquet"))
    before, rows = tables_of(connection), {path.stem: _count(path) for path in files}
    warehouse = nights.play(LAST)
    after = tables_of(connection)
    connection.close()
    reader = Reader(before, after, {path.stem: (rows[path.stem], _count(path)) for path in files})
    assert warehouse.status == 0, warehouse.output
    nights.keep("last")
    return _seen(nights, warehouse), reader


def _count(path: Path) -> int:
    return int(duckdb.sql(f"select count(*) from read_parquet('{path}')").fetchall()[0][0])


@pytest.fixture(scope="session")
def last(last_and_reader: tuple[Night, Reader]) -> Night:
    return last_and_reader[0]


@pytest.fixture(scope="session")
def from_lake(nights: Nights, last: Night) -> Night:
    for path in nights.warehouse.iterdir():
        if path.is_dir() and not path.is_symlink() and path.name != "lake":
            shutil.rmtree(path)
        elif path.name != "lake":
            path.unlink()
    changed = nights.folder / "other_threshold.yml"
    changed.write_text(CONFIG.replace("stale_after_days: 30", "stale_after_days: 29"), encoding="utf-8")
    warehouse = nights.play(LAST, changed)
    assert warehouse.status == 0, warehouse.output
    return _seen(nights, warehouse)


@pytest.fixture(scope="session")
def rebuilt(nights: Nights, from_lake: Night) -> Night:
    shutil.rmtree(nights.warehouse)
    shutil.rmtree(nights.landing / "crm" / "sent again")
    warehouse = nights.play(LAST)
    assert warehouse.status == 0, warehouse.output
    return _seen(nights, warehouse)
