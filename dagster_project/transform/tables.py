"""Small tables written into DuckDB from Python."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb


def create_table(
    connection: duckdb.DuckDBPyConnection, name: str, columns: dict[str, str], rows: Iterable[dict[str, Any]]
) -> None:
    """Creates a table with these columns (name → type) and rows."""
    connection.execute(f"create table {name} ({', '.join(f'{column} {kind}' for column, kind in columns.items())})")
    values: Sequence[list[Any]] = [[row[column] for column in columns] for row in rows]
    if values:
        # column by column: a statement per row takes a millisecond each
        connection.execute(
            f"insert into {name} select {', '.join(f'unnest(cast(? as {kind}[]))' for kind in columns.values())}",
            [list(column) for column in zip(*values, strict=True)],
        )


def sql_moment(moment: str) -> datetime:
    """An ISO 8601 moment as DuckDB's TIMESTAMP holds it: UTC, without saying so."""
    return utc(datetime.fromisoformat(moment))


def utc(moment: datetime) -> datetime:
    """As DuckDB's TIMESTAMP holds it: UTC, without saying so."""
    return moment.astimezone(UTC).replace(tzinfo=None)
