"""Small tables written into DuckDB from Python."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import duckdb

_TYPES = {str: "varchar", bool: "boolean", int: "integer", float: "double", datetime: "timestamp", date: "date"}


def columns_of(row: type) -> dict[str, str]:
    """Column → type in DuckDB, of a class with annotated fields. What may be None, or a word, is of its other type."""
    return {name: _sql_type(kind) for name, kind in get_type_hints(row).items()}


def _sql_type(kind: Any) -> str:
    origin, inside = get_origin(kind), [part for part in get_args(kind) if part is not type(None)]
    if origin in (Union, UnionType):
        # `auto` and the like are NULL
        return _sql_type(next(part for part in inside if get_origin(part) is not Literal))
    if origin in (list, tuple):
        return f"{_sql_type(inside[0])}[]"
    return _TYPES[kind]


def create_table(
    connection: duckdb.DuckDBPyConnection, name: str, columns: dict[str, str], rows: Iterable[dict[str, Any]]
) -> None:
    """Creates a table with these columns (name → type) and rows."""
    connection.execute(f"create table {name} ({', '.join(f'{column} {kind}' for column, kind in columns.items())})")
    insert_rows(connection, name, columns, rows)


def insert_rows(connection: Any, name: str, columns: dict[str, str], rows: Iterable[dict[str, Any]]) -> None:
    """Adds rows to a table of these columns (name → type)."""
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
