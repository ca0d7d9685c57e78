"""The life of one small warehouse, played once for every test that looks at it.

first      AS_OF 5 December: extracts of November and December, one of them not yet due; and, this night only,
           a source for each kind of damage (damage.py)
blocked    12 December: the newest extract of deals came out ragged
killed     31 December: the mended extract, late files and copies of old ones are there; SIGKILL while dbt builds
last       31 December once more, with a reader who has had the first publication open since
too_early  AS_OF before the first delivery
rebuilt    the whole warehouse deleted; landing holds every file once; stale_after_days 30 → 29
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.conftest import Warehouse
from tests.faults import damage
from tests.faults.crm import CONFIG, DAYS, FIRST, LAST, SECOND, calls, deals, deliver, leads, log, ragged_deals
from tests.faults.nights import Nights, fingerprints, tables, tables_of, until

#: When the files were written that say nowhere when they were exported: 3 December 2025.
UNDATED = 1764720000


#: With a log of the first two nights, for test_logs.py.
LOGGED = ("nightly", "--log-format", "json")


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

    @property
    def log(self) -> list[dict[str, Any]]:
        """The lines of its log (of the first two nights)."""
        return [json.loads(line) for line in self.warehouse.output.splitlines() if line.startswith("{")]

    @property
    def said(self) -> str:
        """What it printed beside its log."""
        return "\n".join(line for line in self.warehouse.output.splitlines() if not line.startswith("{"))

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
    deliver(nights, (calls, one), (leads, two))
    for name, content in damage.landing():
        os.utime(nights.deliver(name, content), (UNDATED, UNDATED))
    nights.with_damage.write_text(CONFIG + damage.sources(damage.NAMES), encoding="utf-8")
    warehouse = nights.play(FIRST, nights.with_damage, arguments=LOGGED)
    assert warehouse.status == 0, warehouse.output
    nights.keep("first")
    for folder in nights.landing.iterdir():
        if folder.name != "crm":
            shutil.rmtree(folder)
    return _seen(nights, warehouse)


@pytest.fixture(scope="session")
def blocked(nights: Nights, first: Night) -> Night:
    _, _, three, four = DAYS
    deliver(nights, (ragged_deals, three), (calls, four), (log, four))
    warehouse = nights.play(SECOND, arguments=LOGGED)
    nights.keep("blocked")
    return _seen(nights, warehouse)


@pytest.fixture(scope="session")
def killed(nights: Nights, blocked: Night) -> Night:
    one, two, three, four = DAYS
    deliver(nights, (deals, three), (calls, three), (log, three), (leads, four), (leads, three))
    deliver(nights, (deals, one), (log, two), (leads, four), folder="sent again/")
    os.utime(nights.landing / "crm" / f"deals_{two}.csv")
    running = nights.start(LAST)
    until(lambda: dbt_is_building(nights))
    running.kill()
    nights.keep("killed")
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
def too_early(nights: Nights, last: Night) -> Night:
    return _seen(nights, nights.play("2025-11-01T00:00:00Z"))


@pytest.fixture(scope="session")
def rebuilt(nights: Nights, last: Night) -> Night:
    """Only what dbt parsed and Jinja compiled is left, which is nothing but time saved."""
    for path in nights.warehouse.iterdir():
        if path.is_symlink() or path.is_file():
            path.unlink()
        elif path.name not in ("dbt", "cache"):
            shutil.rmtree(path)
    shutil.rmtree(nights.landing / "crm" / "sent again")
    changed = nights.folder / "other_limit.yml"
    changed.write_text(CONFIG.replace("stale_after_days: 30", "stale_after_days: 29"), encoding="utf-8")
    warehouse = nights.play(LAST, changed)
    assert warehouse.status == 0, warehouse.output
    return _seen(nights, warehouse)
