"""The night that a run is: what its findings are dated by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class Night:
    """The run that writes: its moment, its id, and its day in the reporting timezone (ISO 8601)."""

    as_of: datetime
    run_id: str
    seen_on: str

    @property
    def sql_moment(self) -> str:
        """Its moment as DuckDB's TIMESTAMP holds it: UTC, without saying so."""
        return self.as_of.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
