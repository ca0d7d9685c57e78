"""The schema `lake`: one view per entity over the Parquet files that a run sees, and the files themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import duckdb

from dagster_project import sql
from dagster_project.config.entities import ENTITIES
from dagster_project.config.fields import FieldKind, kinds_of
from dagster_project.config.models import Configuration
from dagster_project.lake.deliveries import places
from dagster_project.lake.erasure.rows import MARKER
from dagster_project.lake.manifest import FileRecord, read_record_file
from dagster_project.lake.statistics import null_counts_of
from dagster_project.published import FOLDERS
from dagster_project.read import typed_columns
from dagster_project.transform.check_tables import RECORDS
from dagster_project.transform.tables import create_table, sql_moment, utc

#: The tables of the schema `lake`, and what they hold.
LAKE_TABLES = {
    "files": "One row per delivered file that this run sees, with its state.",
    "rejects": "One row per row that the parser rejected.",
    "headings": "The headings of each feed's newest deliveries.",
    "null_counts": "Cells, and how many are NULL, by column of the files of each feed's newest deliveries.",
    "recent_deals": "The lake rows of deals of each feed's newest deliveries.",
    "recorded_violations": "What earlier nights found, by the records they left in the lake.",
    "recorded_scores": "Open and clean deals of earlier nights, by the records they left in the lake.",
    "published_night": "The last publication of an earlier moment: one row, or none.",
    "published_files": "The deliveries that it saw.",
    "published_cells": "The monthly metrics as it published them.",
    "published_records": "What its metrics counted of each record.",
    "rebuilt_records": "Records of tonight computed again with the configuration of that publication.",
    **{
        entity: f"Every lake row of {entity} that this run sees, still text, with where it came from."
        for entity in ENTITIES
    },
}

#: What every lake row says of where it came from.
PROVENANCE = {"_source": "varchar", "_feed": "varchar", "_file_id": "varchar", "_extracted_at": "timestamp"}


def date_format_sets(config: Configuration) -> list[list[str]]:
    """The distinct lists of date formats that feeds are configured with; their readings are named by place, from 1."""
    sets: list[list[str]] = []
    for source in config.sources:
        for feed in source.feeds.values():
            formats = typed_columns.configured_formats(source, feed)
            if formats and formats not in sets:
                sets.append(formats)
    return sets


def search_path(lake_dir: Path) -> str:
    """DuckDB's `file_search_path` for whoever builds: views of the schema `lake` name files from the lake on, those of
    facts that are too large for the build's file from beside it.

    DuckDB does not clear the rest of a block, so that a piece of this catalog can end up in the file that is
    published: one in 175 had such paths in its unused bytes. The setting is a list that cannot hold a comma: with one
    in its path, views name files absolutely.
    """
    return "" if "," in str(lake_dir) else f"{lake_dir},{lake_dir.parent / 'building' / FOLDERS}"


def named(path: Path, lake_dir: Path) -> str:
    """A file of the lake as the views name it."""
    return sql.text(path.relative_to(lake_dir) if search_path(lake_dir) else path)


def write_files(connection: duckdb.DuckDBPyConnection, config: Configuration, records: list[FileRecord]) -> None:
    """Creates lake.files: one row per delivered file, whatever became of it."""
    confirmed = {
        (source.name, name, sha256)
        for source in config.sources
        for name, feed in source.feeds.items()
        for sha256 in feed.confirmed
    }
    place = places(records)
    create_table(
        connection,
        "lake.files",
        {
            "source": "varchar",
            "feed": "varchar",
            "entity": "varchar",
            "file_id": "varchar",
            "file": "varchar",
            "sha256": "varchar",
            "extracted_at": "timestamp",
            "extract_time_from": "varchar",
            "rows_in_file": "bigint",
            "rows_rejected": "bigint",
            "rows_loaded": "bigint",
            "rows_forgotten": "bigint",
            "state": "varchar",
            "message": "varchar",
            "is_confirmed": "boolean",
            # 1: of its feed's newest loaded delivery, 2 and on: of those it is compared with
            "place": "integer",
            "unmapped_headings": "varchar",
            "outranked_headings": "varchar",
        },
        [
            {
                **{key: value for key, value in asdict(record).items() if isinstance(value, str | int)},
                "file_id": record.file_id,
                "extracted_at": sql_moment(record.extracted_at),
                "message": record.message or None,
                "is_confirmed": (record.source, record.feed, record.sha256) in confirmed,
                "place": place.get((record.source, record.feed, record.extracted_at)),
                "unmapped_headings": ", ".join(record.unmapped) or None,
                "outranked_headings": ", ".join(record.outranked) or None,
            }
            for record in records
        ],
    )


def write_recent(connection: duckdb.DuckDBPyConnection, loaded: list[FileRecord], lake_dir: Path) -> None:
    """`lake.headings`, `null_counts` and `recent_deals`: what each feed's newest delivery and its baseline hold.

    Of older deliveries nothing is looked at, however long the lake; NULLs are counted by the files' own statistics.
    """
    compared = places(loaded)
    recent = [r for r in loaded if (r.source, r.feed, r.extracted_at) in compared]
    of_file = {"source": "varchar", "feed": "varchar", "file_id": "varchar"}
    create_table(
        connection,
        "lake.headings",
        {**of_file, "heading": "varchar"},
        [
            {"source": r.source, "feed": r.feed, "file_id": r.file_id, "heading": heading}
            for r in recent
            for heading in sorted({heading.strip() for heading in r.headings} - {""})
        ],
    )
    create_table(
        connection,
        "lake.null_counts",
        {**of_file, "column_name": "varchar", "cells": "bigint", "null_cells": "bigint"},
        [
            {
                **{key: getattr(record, key) for key in of_file},
                "column_name": column,
                "cells": cells,
                "null_cells": nulls,
            }
            for record, column, cells, nulls in null_counts_of(connection, recent, lake_dir)
        ],
    )
    deals: list[tuple[FileRecord, dict[str, str]]] = [(r, {}) for r in recent if r.entity == "deals"]
    connection.execute(f"create view lake.recent_deals as {entity_rows(connection, 'deals', {}, deals, lake_dir)}")


def readings_of(record: FileRecord, config: Configuration) -> dict[str, str]:
    """Column → how staging reads it from this file (dbt: macros/read_values): as configured, else as proved."""
    source = next(source for source in config.sources if source.name == record.source)
    feed = source.feeds[record.feed]
    formats, sign = typed_columns.configured_formats(source, feed), typed_columns.configured_sign(source, feed)
    said = dict(record.readings)
    for column, form in typed_columns.read_columns(record.entity, feed.field_kinds).items():
        if form in ("days", "moments") and formats:
            said[column] = f"configured {date_format_sets(config).index(formats) + 1}"
        elif form in ("amounts", "numbers") and sign:
            said[column] = sign
    return said


def entity_rows(
    connection: duckdb.DuckDBPyConnection,
    entity: str,
    fields: Mapping[str, FieldKind],
    records: list[tuple[FileRecord, dict[str, str]]],
    lake_dir: Path,
) -> str:
    """SQL of an entity's lake rows: every canonical column and configured field as text (NULL where no file has it),
    provenance, place in the file, and as `_reading_<column>` how the file writes it. Files that write alike are read
    together."""
    alike: dict[tuple[tuple[str, str], ...], list[FileRecord]] = {}
    for record, readings in records:
        alike.setdefault(tuple(sorted(readings.items())), []).append(record)
    parts = [
        _select_rows(connection, entity, fields, rows, dict(readings))
        for readings, written_alike in alike.items()
        for rows in _rows_of(written_alike, lake_dir)
    ]
    return " union all ".join(parts or [_select_none(entity, fields)])


def _rows_of(records: list[FileRecord], lake_dir: Path) -> list[str]:
    """Relations with the rows of these records: of single files, whole compacted ones, parts of compacted ones."""
    single = [named(record.path(lake_dir, "parquet"), lake_dir) for record in records if not record.compacted]
    compacted = _compacted(records, lake_dir, "parquet")
    whole = [file for file, ids in compacted.items() if ids is None]
    relations = []
    if single:
        scan = f"read_parquet([{', '.join(single)}], union_by_name = true, file_row_number = true)"
        relations.append(f"(select * exclude (file_row_number), file_row_number as _file_row_number from {scan})")
    if whole:
        relations.append(f"read_parquet([{', '.join(whole)}], union_by_name = true)")
    relations += [f"(from read_parquet({file}) where _file_id in ({ids}))" for file, ids in compacted.items() if ids]
    return relations


def _compacted(records: list[FileRecord], lake_dir: Path, ending: str) -> dict[str, str | None]:
    """Compacted file → the records that are selected of it, as SQL; None where it holds no others."""
    selected: dict[Path, set[str]] = {}
    for record in records:
        if record.compacted:
            selected.setdefault(record.path(lake_dir, "json"), set()).add(record.file_id)
    files: dict[str, str | None] = {}
    for index, ids in selected.items():
        name = named(index.with_name(f"{index.stem}.{ending}"), lake_dir)
        is_whole = {record.file_id for record in read_record_file(index) if record.state == "loaded"} == ids
        files[name] = None if is_whole else ", ".join(map(sql.text, sorted(ids)))
    return files


def _select_rows(
    connection: duckdb.DuckDBPyConnection,
    entity: str,
    fields: Mapping[str, FieldKind],
    rows: str,
    readings: dict[str, str],
) -> str:
    present = {row[0] for row in connection.execute(f"describe select * from {rows}").fetchall()}
    selected = [
        column if column in present else f"cast(null as varchar) as {column}" for column in kinds_of(entity, fields)
    ]
    said = [
        f"cast({sql.text(readings[column]) if column in readings else 'null'} as varchar) as _reading_{column}"
        for column in typed_columns.read_columns(entity, fields)
    ]
    said.append("_unreadable" if "_unreadable" in present else "cast(null as varchar) as _unreadable")
    kept = f" where {MARKER} is not true" if MARKER in present else ""
    return f"select {', '.join([*selected, *PROVENANCE, *said])}, _file_row_number from {rows}{kept}"


def _select_none(entity: str, fields: Mapping[str, FieldKind]) -> str:
    columns = [
        *kinds_of(entity, fields),
        *(f"_reading_{column}" for column in typed_columns.read_columns(entity, fields)),
        "_unreadable",
    ]
    empty = [f"cast(null as varchar) as {column}" for column in columns]
    empty += [f"cast(null as {kind}) as {column}" for column, kind in PROVENANCE.items()]
    return f"select {', '.join(empty)}, cast(null as bigint) as _file_row_number where false"


def create_rejects_view(connection: duckdb.DuckDBPyConnection, records: list[FileRecord], lake_dir: Path) -> None:
    """Creates lake.rejects over the rejects of these records."""
    columns = "row_number, column_name, value, reason"
    parts = [
        f"select {sql.text(r.source)} as source, {sql.text(r.feed)} as feed, {sql.text(r.file_id)} as file_id, "
        f"{columns} from read_parquet({named(r.path(lake_dir, 'rejects.parquet'), lake_dir)})"
        for r in records
        if not r.compacted
    ]
    for source, feed in sorted({(r.source, r.feed) for r in records if r.compacted}):
        of_feed = [r for r in records if (r.source, r.feed) == (source, feed)]
        parts += [
            f"select {sql.text(source)}, {sql.text(feed)}, _file_id, {columns} from read_parquet({file}) "
            f"where {f'_file_id in ({ids})' if ids else 'true'}"
            for file, ids in _compacted(of_feed, lake_dir, "rejects.parquet").items()
        ]
    empty = (
        "select '' as source, '' as feed, '' as file_id, cast(0 as bigint) as row_number, "
        "'' as column_name, '' as value, '' as reason where false"
    )
    connection.execute(f"create view lake.rejects as {' union all '.join([empty, *parts])}")


def create_record_views(connection: duckdb.DuckDBPyConnection, lake_dir: Path, as_of: datetime) -> None:
    """Creates lake.recorded_violations and recorded_scores over the records of nights before this moment."""
    for what, columns in RECORDS.items():
        empty = ", ".join(f"cast(null as {kind}) as {column}" for column, kind in columns.items())
        parts = [f"select {empty} where false"]
        files = [named(path, lake_dir) for path in sorted((lake_dir / what).glob("*.parquet"))]
        if files:
            rows = f"read_parquet([{', '.join(files)}], union_by_name = true)"
            parts.append(f"select * from {rows} where as_of < timestamp '{utc(as_of).replace(microsecond=0)}'")
        recorded = " union all by name ".join(parts)
        connection.execute(f"create view lake.recorded_{what} as select {', '.join(columns)} from ({recorded})")
