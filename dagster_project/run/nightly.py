"""Opens a run: its lock, its folders, its lake; and what it leaves behind when it ends."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from dagster_project.config.load import Settings
from dagster_project.files import write_atomically
from dagster_project.lake import inventory
from dagster_project.lake.compaction import clean_up
from dagster_project.lake.erasure.files import finish_what_was_cut_off
from dagster_project.lake.manifest import FileRecord, read_records
from dagster_project.lake.migration import migrate
from dagster_project.run.context import NightlyRun
from dagster_project.run.databases import Databases
from dagster_project.run.export import export_tables
from dagster_project.run.fetching import fetch, prune
from dagster_project.run.journal import RUNNING, Journal
from dagster_project.run.lock import lock
from dagster_project.run.permissions import guarded
from dagster_project.run.report import report, write_report

KEPT_ATTEMPTS = 14


@contextmanager
def nightly_run(  # noqa: PLR0913 - a resource of Dagster's hands over each of them
    settings: Settings,
    run_id: str,
    on_step: Callable[[str], None] | None = None,
    on_line: Callable[[str], None] | None = None,
    settle_seconds: int = 0,
    on_event: Callable[..., None] | None = None,
    is_from_lake: bool = False,
    keeps_publication: bool = False,
) -> Iterator[NightlyRun]:
    """Opens a run: takes the lock, wipes what a killed run left, and writes run.json when it ends.

    `on_step` is called with the name of each step, `on_line` with each line a tool prints, `on_event` with each event
    of the log. Files in landing count once they have been still for `settle_seconds`. `is_from_lake`: landing is left
    alone. `keeps_publication`: a past night leaves what it would have published.
    """
    started_at = datetime.now(UTC)
    stamp = started_at.strftime("%Y%m%dT%H%M%S%f")
    journal = Journal(f"{stamp}-{run_id[:8]}", on_step, on_event)
    databases = Databases(settings.warehouse_dir / "building" / "pipeline.duckdb", settings.config.memory)
    run = NightlyRun(
        settings, journal.run_id, settings.moment(), started_at, journal, databases, on_line, settle_seconds
    )
    with guarded(), lock.hold(settings.warehouse_dir):
        shutil.rmtree(run.building_dir, ignore_errors=True)
        run.building_dir.mkdir(parents=True)
        journal.tell("run started", as_of=run.as_of.isoformat(), warehouse=str(settings.warehouse_dir))
        # a killed run leaves this, and not what was said of the one before
        write_report(run)
        try:
            known = _open_lake(run, is_from_lake)
            run = replace(run, known=known, is_from_lake=is_from_lake, keeps_publication=keeps_publication)
            if not is_from_lake:
                _fetch(run)
            journal.end("failed")
            yield run
        except BaseException as error:
            if journal.state == RUNNING:
                journal.end("failed")
            journal.fail(error)
            raise
        finally:
            _leave(run)


def _fetch(run: NightlyRun) -> None:
    """Brings files from elsewhere into the spool, and takes out what earlier nights have read."""
    if run.settings.landing_url is None:
        return
    with run.journal.step("fetch"):
        done = fetch(run.settings, run.settle_seconds, run.known)
        assert done is not None, "there is an address"
        for line in done.said:
            run.journal.warn(line)
        pruned = prune(run.settings, run.known)
        run.journal.note(
            fetched={
                "from": str(run.settings.landing_url),
                "files": done.files,
                "bytes": done.bytes,
                "bytes_removed": pruned,
            }
        )


def _open_lake(run: NightlyRun, is_from_lake: bool) -> tuple[FileRecord, ...]:
    """Makes the lake whole where something was cut off, and reads its records. Raises DamagedLakeError."""
    config = run.settings.config
    inventory.settle(run.lake_dir)
    clean_up(run.lake_dir)
    migrate(run.lake_dir, config.sources)
    if finish_what_was_cut_off(run.lake_dir, config) and not is_from_lake:
        run.journal.warn("`dealtrail forget` was cut off: run it again, for older versions still have the record")
    return tuple(read_records(run.lake_dir))


def _leave(run: NightlyRun) -> None:
    run.databases.close()
    if run.journal.state not in ("published", "recorded") and run.build_path.exists():
        try:
            _keep_evidence(run)
        except Exception as error:  # a build cut off in the middle may not open; the summary is written all the same
            run.journal.warn(f"the evidence of this run could not be saved: {error}")
    shutil.rmtree(run.building_dir, ignore_errors=True)
    write_report(run)


def _keep_evidence(run: NightlyRun) -> None:
    """Saves the quality tables and Data Docs of a run that did not publish, for whoever is on call."""
    attempt = run.settings.warehouse_dir / "attempts" / run.run_id
    attempt.mkdir(parents=True, exist_ok=True)
    export_tables(run.build_path, "quality", attempt / "quality")
    if (run.building_dir / "data_docs").exists():
        shutil.move(run.building_dir / "data_docs", attempt / "data_docs")
    write_atomically(attempt / "run.json", json.dumps(report(run), indent=2, ensure_ascii=False))
    attempts = sorted(path for path in attempt.parent.iterdir() if path.is_dir())
    for path in attempts[:-KEPT_ATTEMPTS]:
        shutil.rmtree(path, ignore_errors=True)
