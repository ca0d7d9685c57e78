"""One nightly run: its folders, its lock, what it knows so far, and what it leaves behind.

WAREHOUSE_DIR/
    lake/                 what every build is a function of
    building/             the build in progress; a killed run's is wiped by the next
    versions/<run>/       publications; `current` points at the newest, the one before is kept for its readers
    attempts/<run>/       what a blocked run found
    run.json              summary of the last attempt
    dagster/, dbt/        Dagster's storage, dbt's parsed project and logs
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_project.config.load import Settings
from dagster_project.errors import ConfigurationError, DealtrailError, RunInProgressError, printable, told
from dagster_project.files import write_atomically
from dagster_project.lake import inventory
from dagster_project.lake.compaction import clean_up
from dagster_project.lake.deliveries import select_deliveries
from dagster_project.lake.erasure.files import finish_what_was_cut_off
from dagster_project.lake.manifest import FileRecord, read_records
from dagster_project.lake.migration import migrate
from dagster_project.quality.violation_history import Night
from dagster_project.read.landing import Landing, look
from dagster_project.run.permissions import guarded

if TYPE_CHECKING:
    from dagster_project.quality.evaluate import Result

KEPT_ATTEMPTS = 14
#: State of a run that has not ended; in run.json, until it has, or if it was killed.
RUNNING = "running"
#: Tag of a Dagster run that says how long files must be still to count; without it: not at all.
SETTLE_TAG = "dealtrail/settle_seconds"
#: Tag of a Dagster run of `past_night`: the moment of that night, ISO 8601.
AS_OF_TAG = "dealtrail/as_of"
#: Tag of a Dagster run that publishes what is in the lake and leaves landing alone.
FROM_LAKE_TAG = "dealtrail/from_lake"
#: Tag of a Dagster run that says which warehouse it writes.
WAREHOUSE_TAG = "dealtrail/warehouse"


class _Lock:
    """An exclusive hold on a warehouse, by the operating system, so that a killed run leaves none behind.

    Taking it again in the process that has it counts up: the command takes it before it starts Dagster, to
    say at once that a run is in progress, and the run takes it again.
    """

    def __init__(self) -> None:
        self._held: dict[Path, tuple[Any, int]] = {}

    @contextmanager
    def hold(self, warehouse_dir: Path) -> Iterator[None]:
        """Holds the warehouse, or raises RunInProgressError naming the process that does."""
        path = warehouse_dir / ".lock"
        file, times = self._held.get(path) or (self._take(path), 0)
        self._held[path] = (file, times + 1)
        try:
            yield
        finally:
            file, times = self._held.pop(path)
            if times > 1:
                self._held[path] = (file, times - 1)
            else:
                file.close()

    @staticmethod
    def _take(path: Path) -> Any:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise RunInProgressError(
                f"another run (process {holder}) is writing to {path.parent}; wait for it to end"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        return file


lock = _Lock()


@dataclass
class NightlyRun:
    """What the steps of one run share."""

    settings: Settings
    run_id: str
    as_of: datetime
    started_at: datetime
    on_step: Callable[[str], None] = lambda name: None
    on_line: Callable[[str], None] | None = None
    on_event: Callable[..., None] = lambda name, level="info", **facts: None
    settle_seconds: int = 0
    records: list[FileRecord] = field(default_factory=list)
    selected: list[FileRecord] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    state: str = RUNNING
    #: Whether somebody was notified of its failure.
    is_told_of: bool = False
    failure: BaseException | None = None
    #: The step it failed in.
    failed_step: str | None = None
    _landings: dict[str, Landing] = field(default_factory=dict)

    @property
    def lake_dir(self) -> Path:
        """What every build is a function of."""
        return self.settings.warehouse_dir / "lake"

    @property
    def building_dir(self) -> Path:
        """The build in progress."""
        return self.settings.warehouse_dir / "building"

    @property
    def build_path(self) -> Path:
        """The DuckDB file that is published if all goes well."""
        return self.building_dir / "pipeline.duckdb"

    @property
    def work_path(self) -> Path:
        """The DuckDB file of staging and intermediate models, thrown away at the end."""
        return self.building_dir / "work.duckdb"

    @property
    def night(self) -> Night:
        """The run as the records of violations and scores name it."""
        return Night(self.as_of, self.run_id, self.as_of.astimezone(self.settings.config.zone).date().isoformat())

    def landing(self, source_name: str) -> Landing:
        """What lies in a source's folder; looked at once per run."""
        if source_name not in self._landings:
            source = next(source for source in self.settings.config.sources if source.name == source_name)
            self._landings[source_name] = look(source, self.settings.landing_dir, self.settle_seconds)
        return self._landings[source_name]

    def built(self, database: Path) -> Path:
        """A database that an earlier step of this run made. Raises where Dagster was asked for a part of the job."""
        if not database.exists():
            raise DealtrailError(
                "this step builds on the steps before it, in the same run, and they are not part of this one. Run "
                "the job `nightly` as a whole (in Dagster: Jobs, nightly, Materialize all; of a failed run: Re-execute "
                "all); deliveries that are in the lake are not read again"
            )
        return database

    def select(self) -> list[FileRecord]:
        """The deliveries this run sees. Raises ConfigurationError where there is none yet at its as-of moment."""
        config = self.settings.config
        self.selected = select_deliveries(self.records, config.sources, self.as_of, config.thresholds.min_volume_share)
        if not self.selected and self.records:
            earliest = min(self.records, key=lambda record: record.extracted_at)
            raise ConfigurationError(
                f"AS_OF {self.as_of.isoformat()}: nothing had been delivered yet; the earliest delivery is "
                f"{earliest.source}/{earliest.file} of {earliest.extracted_at} (by its {earliest.extract_time_from}). "
                "If the file shows that moment, say so: `extracted_at: "
                f"{self.as_of.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}` in the source '{earliest.source}', or put it into "
                f"the dated folder {earliest.source}/{self.night.seen_on}/"
            )
        return self.selected

    def tell(self, event: str, level: str = "info", **facts: Any) -> None:
        """Tells the log, if there is one."""
        self.on_event(event, level, run_id=self.run_id, **facts)

    def warn(self, message: str, **where: Any) -> None:
        """Something a person should know; `where` are source, file and the like, for the log."""
        message = printable(message)
        self.warnings.append(message)
        self.tell("warning", "info" if is_note(message) else "warning", message=message, **where)

    @contextmanager
    def step(self, name: str, **of: Any) -> Iterator[None]:
        """Times a step, tells who watches, and remembers what it failed with. Steps of one name add up."""
        self.on_step(name)
        self.tell("step started", step=name, **of)
        started = time.perf_counter()
        try:
            yield
        except BaseException as error:
            self.tell("step failed", "error", step=name, seconds=_since(started), message=told(error), **of)
            if self.failure is None:
                self.failure, self.failed_step = error, name
            raise
        else:
            self.tell("step ended", step=name, seconds=_since(started), **of)
        finally:
            seconds = time.perf_counter() - started
            known = next((step for step in self.steps if step["name"] == name), None)
            if known is None:
                self.steps.append({"name": name, "seconds": round(seconds, 3)})
            else:
                known["seconds"] = round(known["seconds"] + seconds, 3)

    @property
    def exit_status(self) -> int:
        """0 published, 1 blocked by a critical check, 2 configuration or usage, 3 anything else.

        A past night is not published, but recorded. Published and 3: without a report, or not to Postgres.
        """
        if self.state in ("published", "recorded") and self.failure is None:
            return 0
        if self.state == "blocked":
            return 1
        return self.failure.exit_status if isinstance(self.failure, DealtrailError) else 3


@contextmanager
def nightly_run(
    settings: Settings,
    run_id: str,
    on_step: Callable[[str], None] | None = None,
    on_line: Callable[[str], None] | None = None,
    settle_seconds: int = 0,
    on_event: Callable[..., None] | None = None,
    is_from_lake: bool = False,
) -> Iterator[NightlyRun]:
    """Opens a run: takes the lock, wipes what a killed run left, and writes run.json when it ends.

    `on_step` is called with the name of each step, `on_line` with each line a tool prints, `on_event` with each event
    of the log. Files in landing count once they have been still for `settle_seconds`. `is_from_lake`: this is the
    publication of `dealtrail forget`.
    """
    started_at = datetime.now(UTC)
    stamp = started_at.strftime("%Y%m%dT%H%M%S%f")
    run = NightlyRun(settings, f"{stamp}-{run_id[:8]}", settings.moment(), started_at)
    if on_step is not None:
        run.on_step = on_step
    run.on_line = on_line
    if on_event is not None:
        run.on_event = on_event
    run.settle_seconds = settle_seconds
    with guarded(), lock.hold(settings.warehouse_dir):
        shutil.rmtree(run.building_dir, ignore_errors=True)
        run.building_dir.mkdir(parents=True)
        run.tell("run started", as_of=run.as_of.isoformat(), warehouse=str(settings.warehouse_dir))
        # a killed run leaves this, and not what was said of the one before
        _write_report(run)
        try:
            _open_lake(run, is_from_lake)
            os.environ["DEALTRAIL_BUILD"] = str(run.build_path)
            os.environ["DEALTRAIL_WORK"] = str(run.work_path)
            run.state = "failed"
            yield run
        except BaseException as error:
            run.state = "failed" if run.state == RUNNING else run.state
            run.failure = run.failure or error
            raise
        finally:
            _leave(run)


def _open_lake(run: NightlyRun, is_from_lake: bool) -> None:
    """Makes the lake whole where something was cut off, and reads its records. Raises DamagedLakeError."""
    config = run.settings.config
    inventory.settle(run.lake_dir)
    clean_up(run.lake_dir)
    migrate(run.lake_dir, config.sources)
    if finish_what_was_cut_off(run.lake_dir, config) and not is_from_lake:
        run.warn("`dealtrail forget` was cut off: run it again, for older versions still have the record")
    run.records = read_records(run.lake_dir)


def is_note(message: str) -> bool:
    """Whether a warning is one of the many that every night has, such as headings that are not mapped."""
    return "map to nothing" in message or "not used, better" in message


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 3)


def tell_of_no_run(warehouse_dir: Path, error: DealtrailError) -> None:
    """Has run.json tell of an attempt that never became a run, where there is one of an earlier run."""
    path = warehouse_dir / "run.json"
    if not path.exists():
        return
    try:
        with lock.hold(warehouse_dir):
            now = datetime.now(UTC).isoformat(timespec="seconds")
            said: dict[str, Any] = dict.fromkeys(json.loads(path.read_text(encoding="utf-8")))
            said |= {"state": "failed", "exit_status": error.exit_status, "message": told(error)}
            said |= {"started_at": now, "finished_at": now, "stopped_by": [], "rows": {}, "warnings": [], "steps": []}
            write_atomically(path, json.dumps(said, indent=2, ensure_ascii=False))
    except RunInProgressError:
        return  # run.json is that run's


def _leave(run: NightlyRun) -> None:
    if run.state not in ("published", "recorded") and run.build_path.exists():
        try:
            _keep_evidence(run)
        except Exception as error:  # a build cut off in the middle may not open; the summary is written all the same
            run.warn(f"the evidence of this run could not be saved: {error}")
    shutil.rmtree(run.building_dir, ignore_errors=True)
    _write_report(run)


def _write_report(run: NightlyRun) -> None:
    write_atomically(run.settings.warehouse_dir / "run.json", json.dumps(report(run), indent=2, ensure_ascii=False))


def _keep_evidence(run: NightlyRun) -> None:
    """Saves the quality tables and Data Docs of a run that did not publish, for whoever is on call."""
    from dagster_project.publish.publication import export_tables

    attempt = run.settings.warehouse_dir / "attempts" / run.run_id
    attempt.mkdir(parents=True, exist_ok=True)
    export_tables(run.build_path, "quality", attempt / "quality")
    if (run.building_dir / "data_docs").exists():
        shutil.move(run.building_dir / "data_docs", attempt / "data_docs")
    write_atomically(attempt / "run.json", json.dumps(report(run), indent=2, ensure_ascii=False))
    attempts = sorted(path for path in attempt.parent.iterdir() if path.is_dir())
    for path in attempts[:-KEPT_ATTEMPTS]:
        shutil.rmtree(path, ignore_errors=True)


def report(run: NightlyRun) -> dict[str, Any]:
    """run.json: what the attempt did, for people and machines."""
    loaded = [record for record in run.selected if record.state == "loaded"]
    stopped_by = [
        {
            "rule": result.check.name,
            "table": result.check.table.removeprefix("work."),
            "unexpected": result.unexpected,
            "example": printable(result.example) if result.example else None,
        }
        for result in run.results
        if result.stops_the_publish
    ]
    return {
        "run_id": run.run_id,
        "state": run.state,
        "exit_status": None if run.state == RUNNING else run.exit_status,
        "as_of": run.as_of.isoformat(),
        "started_at": run.started_at.isoformat(timespec="seconds"),
        "finished_at": None if run.state == RUNNING else datetime.now(UTC).isoformat(timespec="seconds"),
        "message": told(run.failure) if run.failure is not None else None,
        "failed_step": run.failed_step,
        "stopped_by": stopped_by,
        "rows": {
            "in_files": sum(record.rows_in_file for record in loaded),
            "loaded": sum(record.rows_loaded for record in loaded),
            "forgotten": sum(record.rows_forgotten for record in loaded),
            "rejected": sum(record.rows_rejected for record in loaded),
        },
        **run.summary,
        "warnings": run.warnings,
        "steps": run.steps,
    }
