"""Which version of a warehouse is published, and the moment it shows."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path


def current_version(warehouse: Path) -> Path | None:
    """The published version's folder, if there is one."""
    link = warehouse / "current"
    return link.resolve() if link.exists() else None


def as_of_version(version: Path) -> datetime:
    """The moment that a version shows, in UTC."""
    import duckdb

    row = duckdb.execute("select max(as_of) from read_parquet(?)", [str(version / "violations.parquet")]).fetchone()
    assert row is not None, "an aggregate has a row"
    return row[0].replace(tzinfo=UTC)
