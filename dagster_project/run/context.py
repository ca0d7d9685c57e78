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

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dagster_project.config.load import Settings
from dagster_project.errors import ConfigurationError, DealtrailError, printable, told
from dagster_project.lake.deliveries import select_deliveries
from dagster_project.lake.manifest import FileRecord
from dagster_project.read.landing import Landing, look
from dagster_project.run.night import Night
from dagster_project.run.results import Result

#: State of a run that has not ended; in run.json, until it has, or if it was killed.
RUNNING = "running"


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


def is_note(message: str) -> bool:
    """Whether a warning is one of the many that every night has, such as headings that are not mapped."""
    return "map to nothing" in message or "not used, better" in message


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 3)
