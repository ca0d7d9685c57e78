"""The dbt unit tests of a model, run in plain DuckDB: a mutant meets them in milliseconds."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

import duckdb

Rows = list[dict[str, Any]] | str


@dataclass(frozen=True)
class UnitTest:
    """What is given (table → rows, or SQL), and which rows the model then has."""

    name: str
    given: dict[str, Rows]
    expected: Rows


def unit_tests_of(manifest: dict[str, Any]) -> dict[str, list[UnitTest]]:
    """Table of a model → its unit tests, from dbt's manifest."""
    tables = {
        node["name"]: f"{node['schema']}.{node['name']}" for node in manifest["nodes"].values() if "schema" in node
    }
    found: dict[str, list[UnitTest]] = {}
    for test in manifest["unit_tests"].values():
        if test.get("overrides"):
            continue  # of another compilation, with other vars
        given = {_table(one["input"], tables): _rows(one) for one in test["given"]}
        model = tables[test["model"]]
        found.setdefault(model, []).append(UnitTest(test["name"], given, _rows(test["expect"])))
    return found


def _table(said: str, tables: dict[str, str]) -> str:
    names = re.findall(r"'([^']+)'", said)
    return tables[names[0]] if said.startswith("ref") else ".".join(names)


def _rows(said: dict[str, Any]) -> Rows:
    rows = said["rows"] or []
    if said.get("format") == "csv" and isinstance(rows, str):
        # an empty cell is NULL; among rows said one by one '' is an empty text
        return [{name: cell or None for name, cell in row.items()} for row in csv.DictReader(io.StringIO(rows))]
    return rows


def fails(connection: duckdb.DuckDBPyConnection, test: UnitTest, model: str, sql: str) -> bool:
    """Whether the model's SQL gives other rows than the unit test expects. The caller rolls back."""
    wanted = _typed(connection, model, test.expected)
    for table, rows in test.given.items():
        typed = _typed(connection, table, rows, whole=True)
        # a table that is read while it is replaced keeps its columns
        connection.execute(f"create or replace table {table} as {typed}")
    names = _columns(connection, wanted)
    listed = ", ".join(f'"{name}"' for name in names)
    found = _counted(connection, f"select {listed} from ({sql})")
    return found != _counted(connection, f"select {listed} from ({wanted})")


def _columns(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, str]:
    return {name: kind for name, kind, *_ in connection.execute(f"describe {query}").fetchall()}


def _typed(connection: duckdb.DuckDBPyConnection, table: str, rows: Rows, whole: bool = False) -> str:
    """A query of the rows with the types of a table's columns; `whole`: with all of them, those not given NULL."""
    kinds = _columns(connection, f"select * from {table}")
    if isinstance(rows, str):
        given = _columns(connection, rows)
        said = [
            _cast(f'"{name}"' if name in given else "null", kind, name)
            for name, kind in kinds.items()
            if whole or name in given
        ]
        return f"select {', '.join(said)} from ({rows})"
    names = [name for name in kinds if whole or any(name in row for row in rows)] or list(kinds)
    if not rows:
        return f"select {', '.join(_cast('null', kinds[name], name) for name in names)} where false"
    return " union all ".join(
        "select " + ", ".join(_cast(_literal(row.get(name)), kinds[name], name) for name in names) for row in rows
    )


def _cast(value: str, kind: str, name: str) -> str:
    return f'cast({value} as {kind}) as "{name}"'


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return "'" + text.replace("'", "''") + "'"


def _counted(connection: duckdb.DuckDBPyConnection, query: str) -> Counter[tuple[Any, ...]]:
    rows = connection.execute(query).fetchall()
    return Counter(tuple(f"{cell:.9g}" if isinstance(cell, float) else str(cell) for cell in row) for row in rows)
