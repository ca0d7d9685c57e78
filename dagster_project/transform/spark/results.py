"""What Spark built, brought into the DuckDB build of the night: what is published, and what the checks look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

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
#: What grows with the CRM, and nobody but the checks and the wide views reads again on DuckDB.
_FACTS = ("fct_", "bridge_")
#: What a publication leaves in the lake beside what is published.
_KEPT = ("int_metric_records",)
#: What a view over Parquet files says of itself.
_OF_FOLDER = (
    "A view over the files in {0.schema}/{0.name}/ beside this one: it is read where that folder is the working "
    "directory, or by `set file_search_path = '<that folder>'`."
)

_Kind = Literal["table", "view"]


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
    def is_fact(self) -> bool:
        return self.schema == "marts" and self.name.startswith(_FACTS)

    @property
    def promised(self) -> dict[str, str]:
        """Column → type by its contract; of what is not published, nothing."""
        if self.schema not in _PUBLISHED:
            return {}
        return {name: column.data_type for name, column in self.node.columns.items()}


def bring(  # noqa: PLR0913 - each of another kind
    spark: SparkSession,
    connection: duckdb.DuckDBPyConnection,
    config: Configuration,
    project: Manifest,
    schemas: dict[str, str],
    folder: Path,
    beside: Path,
) -> None:
    """Makes the tables in the connection's build and in its `work`, of their contracts' types, with their comments.

    No row passes through Python: Spark writes Parquet to `folder`, and DuckDB reads it. A fact of
    `spark.folders_from_rows` rows stays Parquet, in `<beside>/marts/<fact>/`, and is a view over it. Raises
    DealtrailError for a table that has other columns than its contract.
    """
    connection.execute("set TimeZone = 'UTC'")
    for wanted in _wanted(config, project, {there: here for here, there in schemas.items()}):
        rows = spark.table(f"{schemas[wanted.schema]}.{wanted.name}")
        if wanted.columns is not None:
            rows = rows.select(*wanted.columns)
        path = folder / wanted.schema / wanted.name
        rows.write.mode("overwrite").parquet(str(path))
        connection.execute(f"create schema if not exists {wanted.place.rpartition('.')[0]}")
        if wanted.is_fact and _rows(connection, path) >= config.spark.folders_from_rows:
            _lay_beside(path, beside, wanted)
            _make(connection, wanted, rows.columns, "view", Path(wanted.schema, wanted.name))
        else:
            _make(connection, wanted, rows.columns, "table", path)


def _rows(connection: duckdb.DuckDBPyConnection, path: Path) -> int:
    """Of a folder of Parquet files, by what they say of themselves."""
    told = connection.execute(
        f"select sum(num_rows)::bigint from parquet_file_metadata({sql.text(path / '*.parquet')})"
    ).fetchone()
    return int(told[0]) if told and told[0] is not None else 0


def _lay_beside(path: Path, beside: Path, wanted: _Wanted) -> None:
    """Moves the files of a fact to where they are published from, without what Spark notes about them."""
    if "," in str(beside):
        raise DealtrailError(
            f"{wanted.name} is too large for one file, and DuckDB finds no files beside it where WAREHOUSE_DIR has a "
            "comma in it: choose another folder, or raise spark.folders_from_rows in the configuration"
        )
    target = beside / wanted.schema / wanted.name
    target.mkdir(parents=True)
    for file in path.glob("*.parquet"):
        file.replace(target / file.name)


def _make(connection: duckdb.DuckDBPyConnection, wanted: _Wanted, columns: list[str], kind: _Kind, path: Path) -> None:
    """A table of the rows at the path, or a view over them."""
    promised = wanted.promised
    if promised and list(promised) != columns:
        raise DealtrailError(
            f"{wanted.name} breaks its contract: Spark made the columns {', '.join(columns)}, not {', '.join(promised)}"
        )
    typed = [f"cast({column} as {its}) as {column}" for column, its in promised.items()] or columns
    found = f"from read_parquet({sql.text(path / '*.parquet')})"
    connection.execute(f"create {kind} {wanted.place} as select {', '.join(typed)} {found}")
    if promised:
        connection.execute(";\n".join(_comments(wanted, kind)))


def _comments(wanted: _Wanted, kind: _Kind) -> Iterator[str]:
    told = [wanted.node.description, _OF_FOLDER.format(wanted) if kind == "view" else ""]
    if any(told):
        yield f"comment on {kind} {wanted.place} is {sql.text(' '.join(filter(None, told)))}"
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
        if schema in _WHOLE or node.unique_id in read_after or node.alias in _KEPT:
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
