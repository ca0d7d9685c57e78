"""Rows and cells beside each other, and what a published table has; the one module that reads DuckDB."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

Rows = list[dict[str, Any]]
RELATIVE_TOLERANCE = 1e-9


class Cents(float):
    """What is published with two decimals: it may be rounded either way."""


class Untold:
    """What the oracle does not say: any value will do."""


UNTOLD = Untold()


def table_differences(
    database: str | Path, table: str, key: list[str], columns: list[str], expected: Rows
) -> list[str]:
    """A table by its key: rows only one side has, then cells that differ, then columns that are not there."""
    actual, missing = read(database, table, [*key, *columns])
    if any(not set(key) <= row.keys() for row in actual[:1]):
        return missing
    present = [column for column in columns if not actual or column in actual[0]]
    return missing + row_differences(table, key, present, expected, actual)


def bag_differences(database: str | Path, table: str, columns: list[str], expected: Rows) -> list[str]:
    """A table as a multiset of rows."""
    actual, missing = read(database, table, columns)
    if missing:
        return missing
    mine, theirs = (Counter(_cells(row, columns) for row in rows) for rows in (expected, actual))
    return [f"{table} lacks {_shown(cells)} × {count}" for cells, count in (mine - theirs).items()] + [
        f"{table} has {_shown(cells)} × {count}, not expected" for cells, count in (theirs - mine).items()
    ]


def row_differences(table: str, key: list[str], columns: list[str], expected: Rows, actual: Rows) -> list[str]:
    lines = []
    mine, theirs = ({_cells(row, key): row for row in rows} for rows in (expected, actual))
    if len(theirs) < len(actual):
        lines.append(f"{table}: {len(actual) - len(theirs)} rows have a key that another row has, too")
    lines += [f"{table} lacks {_shown(one)}" for one in mine if one not in theirs]
    lines += [f"{table} has {_shown(one)}, not expected" for one in theirs if one not in mine]
    for one in (one for one in mine if one in theirs):
        for column in columns:
            wanted, found = plain(mine[one][column]), plain(theirs[one][column])
            if not _equal(wanted, found):
                lines.append(f"{table} {_shown(one)}: {column} is {_text(found)}, expected {_text(wanted)}")
    return lines


def read(database: str | Path, table: str, columns: list[str]) -> tuple[Rows, list[str]]:
    """A mart's rows with those of the wanted columns it has, and a line for each that it has not."""
    with duckdb.connect(str(database), read_only=True) as connection:
        described = connection.execute(
            "select column_name from duckdb_columns() where schema_name = 'marts' and table_name = ?",
            [table],
        ).fetchall()
        present = {name for (name,) in described}
        if not present:
            return [], [f"there is no table marts.{table}"]
        wanted = [column for column in columns if column in present]
        names = ", ".join(f'"{column}"' for column in wanted)
        rows = connection.execute(f"select {names} from marts.{table}").fetchall()
    missing = [f"{table} has no column {column}" for column in columns if column not in present]
    return [dict(zip(wanted, row, strict=True)) for row in rows], missing


def _equal(wanted: Any, found: Any) -> bool:
    """Exact, but for floats."""
    if isinstance(wanted, Untold):
        return True
    if isinstance(wanted, Cents) and found is not None:
        return abs(wanted - float(found)) <= 0.0101
    if isinstance(wanted, float) or isinstance(found, float):
        if wanted is None or found is None:
            return wanted is found
        return math.isclose(float(wanted), float(found), rel_tol=RELATIVE_TOLERANCE, abs_tol=1e-12)
    return wanted == found and (wanted is None) == (found is None)


def plain(value: Any) -> Any:
    """Moments as the warehouse stores them: UTC, without saying so."""
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value


def _cells(row: dict[str, Any], columns: Iterable[str]) -> tuple[Any, ...]:
    return tuple(plain(row[column]) for column in columns)


def _shown(cells: tuple[Any, ...]) -> str:
    return "(" + ", ".join(_text(cell) for cell in cells) + ")"


def _text(value: Any) -> str:
    return "NULL" if value is None else str(value)
