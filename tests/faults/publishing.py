"""One publish, cut off at any of its steps: the real run and publication around a build of two small tables."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb

from dagster_project.config.load import load_settings
from dagster_project.publish.publication import publish
from dagster_project.run.context import NightlyRun
from dagster_project.run.nightly import nightly_run
from tests.faults.nights import Nights, forks

#: What Python tells of before it changes the file system.
STEPS = {"os.mkdir", "os.rename", "os.remove", "os.symlink", "shutil.copyfile", "shutil.rmtree"}


#: Published folders with a page.
PAGES = ("data_docs", "report")

#: The exit status of a night that was to be killed at a step it does not have.
ENDED = 99


def publish_night(nights: Nights, night: int, killed_at: int = 0) -> int:
    """Publishes night 1, 2, …, or is killed just before its n-th step; the exit status, or the signal."""
    env = {"PIPELINE_CONFIG": str(nights.config), "WAREHOUSE_DIR": str(nights.warehouse)}
    process = forks.Process(target=_publish, args=(env, night, killed_at))
    process.start()
    process.join(60)
    assert process.exitcode is not None
    return int(process.exitcode)


def _publish(env: dict[str, str], night: int, killed_at: int) -> None:
    env = {**env, "AS_OF": f"2025-12-{night:02}T00:00:00Z"}
    with nightly_run(load_settings(env), f"night{night}") as run:
        _build(run, night)
        taken = 0

        def step(event: str, _: object) -> None:
            nonlocal taken
            if event in STEPS:
                taken += 1
                if taken == killed_at:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(step)
        publish(run)
        run.journal.end("published")
    if killed_at:
        sys.exit(ENDED)


def _build(run: NightlyRun, night: int) -> None:
    with duckdb.connect(str(run.build_path)) as build:
        for table in ("marts.deals", "marts.leads", "quality.checks"):
            build.execute(f"create schema if not exists {table.split('.')[0]}")
            build.execute(f"create table {table} as select {night} as night from range(1000)")
        # what the night's record is taken from
        build.execute(
            "create table quality.hygiene_violations "
            "(rule varchar, first_seen_on date, last_seen_on date, resolved_on date)"
        )
        build.execute(
            "create table quality.hygiene_scores (date_day date, source varchar, score double, score_by_amount double)"
        )
    for name in PAGES:
        (run.building_dir / name).mkdir()
        (run.building_dir / name / "index.html").write_text(f"{night}", encoding="utf-8")


def seen(warehouse: Path) -> set[int | None]:
    """The nights that a reader of everything published sees: one, if the publication is whole; None: not there."""
    return set(_parts(warehouse))


def _parts(warehouse: Path) -> Iterator[int | None]:
    database = warehouse / "pipeline.duckdb"
    if not database.exists():
        yield None
    else:
        with duckdb.connect(str(database), read_only=True) as connection:
            for table in ("marts.deals", "marts.leads", "quality.checks"):
                rows = connection.execute(f"select min(night), max(night), count(*) from {table}").fetchone()
                assert rows is not None and rows[2] == 1000
                yield from rows[:2]
    # each time a reader of its own: DuckDB takes a file of the same path, inode and second for the one it has read
    with duckdb.connect() as connection:
        for table in ("deals", "leads"):
            path = warehouse / "marts" / f"{table}.parquet"
            yield connection.execute(f"select max(night) from '{path}'").fetchall()[0][0] if path.exists() else None
    for name in PAGES:
        page = warehouse / name / "index.html"
        yield int(page.read_text(encoding="utf-8")) if page.exists() else None


def state(warehouse: Path) -> str:
    """What run.json says."""
    return str(json.loads((warehouse / "run.json").read_text(encoding="utf-8"))["state"])
