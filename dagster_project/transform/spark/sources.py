"""What the dbt project reads on Spark: the lake where it lies, and the small tables of the night as Parquet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from dagster_project import sql
from dagster_project.config.entities import ENTITIES
from dagster_project.config.fields import FieldKind, kinds_of
from dagster_project.config.models import Configuration
from dagster_project.lake.erasure.rows import MARKER
from dagster_project.lake.manifest import FileRecord
from dagster_project.read import typed_columns
from dagster_project.transform.lake_views import PROVENANCE, readings_of, search_path
from dagster_project.transform.lookups import Lookup, lookups_of
from dagster_project.transform.spark.accents import normalized
from dagster_project.transform.tables import create_table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: Rows of one file of the lake: not its rejects, whose names end otherwise.
_ROWS_FILES = "*[!s].parquet"
_SPARK_TYPES = {"varchar": "string", "timestamp": "timestamp_ntz", "bigint": "bigint"}


def show_sources(  # noqa: PLR0913 - each of another kind
    spark: SparkSession,
    connection: duckdb.DuckDBPyConnection,
    config: Configuration,
    records: list[FileRecord],
    lake_dir: Path,
    folder: Path,
    schema: dict[str, str],
) -> None:
    """Creates the schemas `config` and `lake` of this run in Spark, under the names that `schema` gives.

    The connection has `work` prepared as for DuckDB: what is small is taken from there, into Parquet files in `folder`.
    """
    connection.execute(f"set file_search_path = {sql.text(search_path(lake_dir))}")
    for name in ("config", "lake"):
        spark.sql(f"create schema if not exists {schema[name]}")
    loaded = [record for record in records if record.state == "loaded"]
    _write_places(connection, config, loaded)
    for name, table in _small_tables(connection):
        path = folder / name / f"{table}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        connection.execute(f"copy (from work.{name}.{table}) to {sql.text(path)} (format parquet)")
        spark.sql(f"create table {schema[name]}.{table} using parquet location {_literal(path)}")
    lookups = lookups_of(config)
    for entity in ENTITIES:
        has_rows = any(record.entity == entity for record in loaded)
        fields = config.fields.get(entity, {})
        if has_rows:
            _create_rows_table(spark, entity, fields, lake_dir / entity, schema["lake"])
        of_entity = [one for one in lookups if one.entity == entity]
        view = _entity_view(entity, fields, schema["lake"], of_entity) if has_rows else _no_rows(entity, fields)
        spark.sql(f"create view {schema['lake']}.{entity} as {view}")
    spark.sql(f"create view {schema['lake']}.recent_deals as {_recent(schema['lake'])}")


def _recent(schema: str) -> str:
    """SQL of the rows of deals in the deliveries that are compared with each other."""
    return (
        f"select rows.* from {schema}.deals as rows inner join {schema}.files as files on rows._source = files.source "
        "and rows._feed = files.feed and rows._file_id = files.file_id where files.place is not null"
    )


def _small_tables(connection: duckdb.DuckDBPyConnection) -> Iterable[tuple[str, str]]:
    """All that `work` has in the schemas of sources, without the entities and what only the checks read."""
    rows = connection.execute(
        "select table_schema, table_name from information_schema.tables "
        "where table_catalog = 'work' and table_schema in ('config', 'lake') order by all"
    ).fetchall()
    left_out = {*ENTITIES, "recent_deals", "recorded_violations", "recorded_scores"}
    return [(schema, table) for schema, table in rows if schema == "config" or table not in left_out]


def _write_places(connection: duckdb.DuckDBPyConnection, config: Configuration, loaded: list[FileRecord]) -> None:
    """`work.lake.written_<entity>`: the files of each entity that this run sees, and how they write its columns."""
    for entity in ENTITIES:
        read = list(typed_columns.read_columns(entity, config.fields.get(entity, {})))
        rows = []
        for record in loaded:
            if record.entity == entity:
                said = readings_of(record, config)
                readings = {f"_reading_{column}": said.get(column) for column in read}
                rows.append({"source": record.source, "feed": record.feed, "file_id": record.file_id, **readings})
        columns = dict.fromkeys(["source", "feed", "file_id", *(f"_reading_{column}" for column in read)], "varchar")
        create_table(connection, f"work.lake.written_{entity}", columns, rows)


def _create_rows_table(
    spark: SparkSession, entity: str, fields: Mapping[str, FieldKind], folder: Path, schema: str
) -> None:
    """Every Parquet row of an entity, whoever wrote it and when; columns that a file lacks are NULL."""
    columns = dict.fromkeys([*kinds_of(entity, fields), "_unreadable"], "string")
    columns |= {column: _SPARK_TYPES[kind] for column, kind in PROVENANCE.items()}
    columns |= {"_file_row_number": "bigint", MARKER: "boolean"}
    described = ", ".join(f"{column} {kind}" for column, kind in columns.items())
    spark.sql(
        f"create table {schema}.rows_{entity} ({described}) using parquet "
        f"options (recursiveFileLookup 'true', pathGlobFilter '{_ROWS_FILES}') location {_literal(folder)}"
    )


def _entity_view(entity: str, fields: Mapping[str, FieldKind], schema: str, lookups: list[Lookup]) -> str:
    """SQL of the rows that this run sees: what transform/lake_views.py says to DuckDB.

    A file that was written by itself does not number its rows: their place in it does.
    """
    looked_up = sorted({one.column for one in lookups})
    columns = [
        f"{_looked_up(column, lookups)} as {column}" if column in looked_up else f"rows.{column}"
        for column in kinds_of(entity, fields)
    ]
    said = [f"written._reading_{column}" for column in typed_columns.read_columns(entity, fields)]
    provenance = [f"rows.{column}" for column in PROVENANCE]
    place = "cast(coalesce(rows._file_row_number, rows._metadata.row_index) as bigint) as _file_row_number"
    joins = [
        f"left join {schema}.lookups as of_{column} on of_{column}.source = rows._source "
        f"and of_{column}.entity = {_literal(next(one.looks_in for one in lookups if one.column == column))} "
        f"and of_{column}.text = {normalized(f'rows.{column}')}"
        for column in looked_up
    ]
    return (
        f"select {', '.join([*columns, *provenance, *said, 'rows._unreadable', place])} "
        f"from {schema}.rows_{entity} as rows inner join {schema}.written_{entity} as written "
        "on rows._source = written.source and rows._feed = written.feed and rows._file_id = written.file_id "
        f"{' '.join(joins)} where not coalesce(rows.{MARKER}, false)"
    )


def _looked_up(column: str, lookups: list[Lookup]) -> str:
    cases = []
    for one in lookups:
        if one.column == column:
            found = f"of_{column}.record_id"
            meant = f"coalesce({found}, rows.{column})" if one.keeps_unknown else found
            cases.append(
                f"when rows._source = {_literal(one.source)} and rows._feed = {_literal(one.feed)} "
                f"and not contains(rows.{column}, {_literal(one.separator)}) then {meant}"
            )
    return f"case {' '.join(cases)} else rows.{column} end"


def _no_rows(entity: str, fields: Mapping[str, FieldKind]) -> str:
    readings = [f"_reading_{column}" for column in typed_columns.read_columns(entity, fields)]
    texts = [*kinds_of(entity, fields), *readings, "_unreadable"]
    columns = [f"cast(null as string) as {column}" for column in texts]
    columns += [f"cast(null as {_SPARK_TYPES[kind]}) as {column}" for column, kind in PROVENANCE.items()]
    return f"select {', '.join(columns)}, cast(null as bigint) as _file_row_number where false"


def _literal(text: str | Path) -> str:
    """As a text in Spark's SQL, where a backslash stands for something."""
    return "'" + str(text).replace("\\", "\\\\").replace("'", "\\'") + "'"
