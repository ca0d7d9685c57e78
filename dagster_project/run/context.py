"""One nightly run: its moment, its folders, and what lay there when it began.

WAREHOUSE_DIR/
    lake/                 what every build is a function of
    building/             the build in progress; a killed run's is wiped by the next
    versions/<run>/       publications; `current` points at the newest, the one before is kept for its readers
    attempts/<run>/       what a blocked run found
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
        return self.databases.build_path

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
