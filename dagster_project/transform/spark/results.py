"""What Spark built, brought into the DuckDB build of the night: what is published, and what the checks look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from dagster_project import sql
from dagster_project.config.models import Configuration
from dagster_project.config.rules import Gate, checks
from dagster_project.errors import DealtrailError
from dagster_project.transform.dbt_build import AFTER_CHECKS

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest
    from pyspark.sql import SparkSession

#: Schemas that are brought whole: published, or looked at by the rules.
_WHOLE = ("marts", "quality", "hygiene")
#: Schemas of the file that is published; the others lie in `work`.
_PUBLISHED = ("marts", "quality")


@dataclass(frozen=True)
class _Wanted:
    """A table, with the columns that are needed of it (None: all), and what dbt knows of it."""

    schema: str
    name: str
    columns: tuple[str, ...] | None
    node: Any

    @property
    def place(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema in _PUBLISHED else f"work.{self.schema}.{self.name}"

    @property
    def promised(self) -> dict[str, str]:
        """Column → type by its contract; of what is not published, nothing."""
        if self.schema not in _PUBLISHED:
            return {}
        return {name: column.data_type for name, column in self.node.columns.items()}


def bring(
    spark: SparkSession,
    connection: duckdb.DuckDBPyConnection,
    config: Configuration,
    project: Manifest,
    schemas: dict[str, str],
    folder: Path,
) -> None:
    """Makes the tables in the connection's build and in its `work`, of their contracts' types, with their comments.

    No row passes through Python: Spark writes Parquet to `folder`, and DuckDB reads it. Raises DealtrailError for a
    table that has other columns than its contract.
    """
    connection.execute("set TimeZone = 'UTC'")
    for wanted in _wanted(config, project, {there: here for here, there in schemas.items()}):
        rows = spark.table(f"{schemas[wanted.schema]}.{wanted.name}")
        if wanted.columns is not None:
            rows = rows.select(*wanted.columns)
        path = folder / wanted.schema / wanted.name
        rows.write.mode("overwrite").parquet(str(path))
        connection.execute(f"create schema if not exists {wanted.place.rpartition('.')[0]}")
        _make(connection, wanted, rows.columns, path)


def _make(connection: duckdb.DuckDBPyConnection, wanted: _Wanted, columns: list[str], path: Path) -> None:
    promised = wanted.promised
    if promised and list(promised) != columns:
        raise DealtrailError(
            f"{wanted.name} breaks its contract: Spark made the columns {', '.join(columns)}, not {', '.join(promised)}"
        )
    typed = [f"cast({column} as {kind}) as {column}" for column, kind in promised.items()] or columns
    found = f"from read_parquet({sql.text(path / '*.parquet')})"
    connection.execute(f"create table {wanted.place} as select {', '.join(typed)} {found}")
    if promised:
        connection.execute(";\n".join(_comments(wanted)))


def _comments(wanted: _Wanted) -> Iterator[str]:
    if wanted.node.description:
        yield f"comment on table {wanted.place} is {sql.text(wanted.node.description)}"
    for name, column in wanted.node.columns.items():
        if column.description:
            yield f"comment on column {wanted.place}.{name} is {sql.text(column.description)}"


def _wanted(config: Configuration, project: Manifest, named: dict[str, str]) -> Iterator[_Wanted]:
    """What is published, what rules and gates look at, and what the models after the checks read."""
    models: list[Any] = [node for node in project.nodes.values() if node.resource_type == "model"]
    after = [node for node in models if AFTER_CHECKS.removeprefix("tag:") in node.tags]
    read_after = {name for node in after for name in node.depends_on.nodes} - {node.unique_id for node in after}
    keys = _keys(config)
    for node in models:
        schema = named[node.schema]
        if node in after:
            continue
        if schema in _WHOLE or node.unique_id in read_after:
            yield _Wanted(schema, node.alias, None, node)
        elif (schema, node.alias) in keys:
            yield _Wanted(schema, node.alias, keys[schema, node.alias], node)


def _keys(config: Configuration) -> dict[tuple[str, str], tuple[str, ...]]:
    """The key columns that gates look at, by schema and table."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for check in checks(config):
        if isinstance(check.definition, Gate):
            schema, _, name = check.shown_table.partition(".")
            found[schema, name] = (*found.get((schema, name), ()), check.definition.column)
    return found
