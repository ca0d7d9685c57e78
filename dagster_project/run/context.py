"""One nightly run: its moment, its folders, and what lay there when it began.

WAREHOUSE_DIR/
    lake/                 what every build is a function of
    building/             the build in progress; a killed run's is wiped by the next
    versions/<run>/       publications; `current` points at the newest, the one before is kept for its readers
    attempts/<run>/       what a blocked run found
    spool/                snapshots of the tables that feeds read, files fetched from a landing zone elsewhere
    explaining/           what `dealtrail explain --as-of` builds while it runs
    run.json              summary of the last attempt
    dagster/, dbt/        Dagster's storage, dbt's parsed project and logs
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from dagster_project.config.load import Settings
from dagster_project.errors import ConfigurationError
from dagster_project.lake.deliveries import select_deliveries
from dagster_project.lake.manifest import FileRecord
from dagster_project.read.landing import Landing, look
from dagster_project.read.table_snapshots import SPOOL, Snapshots, take_snapshots
from dagster_project.run.databases import Databases
from dagster_project.run.journal import Journal
from dagster_project.run.night import Night


@dataclass(frozen=True)
class NightlyRun:
    """What the steps of one run are told, the same for each; what they find they report to its journal."""

    settings: Settings
    run_id: str
    as_of: datetime
    started_at: datetime
    journal: Journal
    databases: Databases
    on_line: Callable[[str], None] | None = None
    settle_seconds: int = 0
    #: What the lake held when the run began.
    known: tuple[FileRecord, ...] = ()
    #: This is the publication of `dealtrail forget`, of what the lake has.
    is_from_lake: bool = False
    #: What is not published is kept in the lake as if it were (`dealtrail explain --as-of`).
    keeps_publication: bool = False
    _landings: dict[str, Landing] = field(default_factory=dict)
    _snapshots: list[Snapshots] = field(default_factory=list)

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
        return self.databases.build_path

    @property
    def night(self) -> Night:
        """The run as the records of violations and scores name it."""
        return Night(self.as_of, self.run_id, self.as_of.astimezone(self.settings.config.zone).date().isoformat())

    def landing(self, source_name: str) -> Landing:
        """What lies in a source's folder; looked at once per run."""
        if source_name not in self._landings:
            source = next(source for source in self.settings.config.sources if source.name == source_name)
            if not self._snapshots:
                self._snapshots.append(self._take_snapshots())
            landing = look(source, self.settings.landing_dir, self.settle_seconds)
            self._landings[source_name] = self._snapshots[0].of(source_name, landing)
        return self._landings[source_name]

    def _take_snapshots(self) -> Snapshots:
        """Of the tables of all sources at once: those of one connection are of one moment."""
        config = self.settings.config
        if self.is_from_lake or not any(source.reads_tables for source in config.sources):
            return Snapshots()
        return take_snapshots(
            config,
            self.settings.config_path.parent,
            self.settings.warehouse_dir / SPOOL,
            [(record.source, record.feed, record.file) for record in self.known],
            self.started_at.replace(microsecond=0),
            self.settings.as_of,
        )

    def select(self) -> list[FileRecord]:
        """The deliveries this run sees: of the lake, with what ingest handed on.

        Raises ConfigurationError where there is none yet at its as-of moment.
        """
        config = self.settings.config
        records = [*self.known, *self.journal.taken_in]
        selected = select_deliveries(records, config.sources, self.as_of, config.thresholds.min_volume_share)
        if not selected and records:
            earliest = min(records, key=lambda record: record.extracted_at)
            raise ConfigurationError(
                f"AS_OF {self.as_of.isoformat()}: nothing had been delivered yet; the earliest delivery is "
                f"{earliest.source}/{earliest.file} of {earliest.extracted_at} (by its {earliest.extract_time_from}). "
                "If the file shows that moment, say so: `extracted_at: "
                f"{self.as_of.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}` in the source '{earliest.source}', or put it into "
                f"the dated folder {earliest.source}/{self.night.seen_on}/"
            )
        self.journal.select(selected)
        return selected
