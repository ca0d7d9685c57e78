"""The databases a run builds in: `work`, thrown away at the end, and the file that is published.

`work` starts with two schemas the dbt project reads as sources: `config`, today's configuration as tables
(so that a change of it is data, not a new parse of the project), and `lake`, one view per entity over the
Parquet files that this run sees.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from dagster_project import sql
from dagster_project.config.entities import ENTITIES, HISTORY_ENTITIES
from dagster_project.config.goals import configured_goals
from dagster_project.config.models import CANONICAL_STAGES, Configuration, Thresholds
from dagster_project.config.stages import (
    DEFAULT_REQUIRED,
    configured_stages,
    days,
    normalized,
    pipeline_limits,
    pipeline_names,
    pipelines_of,
    stage_aliases,
)
from dagster_project.lake.deliveries import places
from dagster_project.lake.erasure.rows import MARKER
from dagster_project.lake.manifest import FileRecord, read_record_file
from dagster_project.lake.statistics import null_counts_of
from dagster_project.read import format_inference
from dagster_project.transform.delivered_stages import with_delivered_stages
from dagster_project.transform.lookups import with_lookups
from dagster_project.transform.observed_pipelines import with_met_pipelines

#: The tables of the schema `lake`, and what they hold.
LAKE_TABLES = {
    "files": "One row per delivered file that this run sees, with its state.",
    "rejects": "One row per row that the parser rejected.",
    "headings": "The headings of each feed's newest deliveries.",
    "null_counts": "Cells, and how many are NULL, by column of the files of each feed's newest deliveries.",
    "recent_deals": "The lake rows of deals of each feed's newest deliveries.",
    **{
        entity: f"Every lake row of {entity} that this run sees, still text, with where it came from."
        for entity in ENTITIES
    },
}

#: The tables of the schema `config`: today's configuration as data.
CONFIG_TABLES = {
    "run": "One row: as-of moment, reporting timezone and currency, thresholds.",
    "sources": "One row per source.",
    "pipelines": "One row per configured pipeline, and per met one that has the vendor's stages (is_met).",
    "pipeline_names": "Every name of a configured pipeline, aliases included.",
    "stages": "One row per configured stage, templates resolved.",
    "stage_aliases": "What else a configured stage is called.",
    "goals": "One row per goal, for a range of months.",
    "feeds": "One row per feed: its timezone, currency, newest full extract.",
    "feed_words": "Words a mapping lists, by kind.",
    "delivered_columns": "Canonical columns of a source with at least one value; of a log also the fields it tells.",
}

#: Limits of the hygiene rules that a pipeline can set for itself. A limit in days is NULL where it is `auto`.
_PIPELINE_THRESHOLDS = {
    "stale_after_days": "integer",
    "max_days_in_stage": "integer",
    "max_close_date_pushes": "integer",
    "max_amount_deviations": "double",
}
_THRESHOLDS = {
    **_PIPELINE_THRESHOLDS,
    "lead_response_sla_hours": "double",
    "dead_lead_after_days": "integer",
    "max_rate_age_days": "integer",
    "max_null_share": "double",
    "max_null_share_ratio": "double",
    "max_stage_mix_psi": "double",
    "max_quarantine_share": "double",
}

#: What every lake row says of where it came from.
PROVENANCE = {"_source": "varchar", "_feed": "varchar", "_file_id": "varchar", "_extracted_at": "timestamp"}

_WORDS = {
    "response_type": "response_types",
    "lead_status": "lead_statuses",
    "converted_lead_status": "converted_lead_statuses",
    "closed_lead_status": "closed_lead_statuses",
    "lost_when_set": "lost_when_set",
}


def date_format_sets(config: Configuration) -> list[list[str]]:
    """The distinct lists of date formats that feeds are configured with; their readings are named by place, from 1."""
    sets: list[list[str]] = []
    for source in config.sources:
        for feed in source.feeds.values():
            formats = format_inference.configured_formats(source, feed)
            if formats and formats not in sets:
                sets.append(formats)
    return sets


def search_path(lake_dir: Path) -> str:
    """DuckDB's `file_search_path` for whoever reads the schema `lake`, whose views name files from the lake on.

    DuckDB does not clear the rest of a block, so that a piece of this catalog can end up in the file that is
    published: one in 175 had such paths in its unused bytes. The setting is a list that cannot hold a comma: with one
    in its path, views name files absolutely.
    """
    return "" if "," in str(lake_dir) else str(lake_dir)


def _named(path: Path, lake_dir: Path) -> str:
    """A file of the lake as the views name it."""
    return sql.text(path.relative_to(lake_dir) if search_path(lake_dir) else path)


def prepare(work_path: Path, config: Configuration, records: list[FileRecord], lake_dir: Path, as_of: datetime) -> None:
    """Creates `work` with the schemas `config` and `lake` for a run at `as_of` over these records."""
    with duckdb.connect(str(work_path)) as connection:
        connection.execute(f"set file_search_path = {sql.text(search_path(lake_dir))}")
        connection.execute("create schema config; create schema lake")
        loaded = [record for record in records if record.state == "loaded"]
        rows = {
            entity: _entity_rows(
                connection,
                entity,
                [(record, _readings(record, config)) for record in loaded if record.entity == entity],
                lake_dir,
            )
            for entity in ENTITIES
        }
        for entity, relation in with_lookups(connection, config, rows).items():
            connection.execute(f"create view lake.{entity} as {relation}")
        _write_run(connection, config, as_of)
        delivered = with_delivered_stages(connection, config)
        _write_sources(connection, delivered, with_met_pipelines(connection, delivered), loaded, as_of)
        _write_files(connection, config, records)
        _write_recent(connection, loaded, lake_dir)
        _create_rejects_view(connection, [r for r in loaded if r.rows_rejected], lake_dir)


def _write_run(connection: duckdb.DuckDBPyConnection, config: Configuration, as_of: datetime) -> None:
    columns = {
        "as_of": "timestamp",
        "as_of_date": "date",
        "timezone": "varchar",
        "currency": "varchar",
        "history_starts_on": "date",
        **_THRESHOLDS,
        "required_fields": "varchar[]",
        "gross_margin": "double",
    }
    row = {
        "as_of": _utc(as_of),
        "as_of_date": as_of.astimezone(ZoneInfo(config.timezone)).date(),
        "timezone": config.timezone,
        "currency": config.currency,
        "history_starts_on": config.history_starts_on,
        **_limits(config.thresholds, _THRESHOLDS),
        "required_fields": [field for field, stage in DEFAULT_REQUIRED.items() if stage == CANONICAL_STAGES[0]],
        "gross_margin": config.gross_margin,
    }
    _create_table(connection, "config.run", columns, [row])


def _write_sources(
    connection: duckdb.DuckDBPyConnection,
    configured: Configuration,
    config: Configuration,
    loaded: list[FileRecord],
    as_of: datetime,
) -> None:
    known = pipeline_names(configured)
    _create_table(
        connection,
        "config.sources",
        {"source": "varchar", "currency": "varchar", "after_close": "varchar"},
        [
            {"source": s.name, "currency": s.currency or config.currency, "after_close": s.after_close}
            for s in config.sources
        ],
    )
    _create_table(
        connection,
        "config.pipelines",
        {
            "source": "varchar",
            "pipeline": "varchar",
            "pipeline_key": "varchar",
            "after_close": "varchar",
            "is_met": "boolean",
            **_PIPELINE_THRESHOLDS,
        },
        [
            {
                "source": source.name,
                "pipeline": pipeline.name,
                "pipeline_key": normalized(pipeline.name),
                "after_close": pipeline.after_close or source.after_close,
                "is_met": (source.name, normalized(pipeline.name)) not in known,
                **_limits(pipeline_limits(config, pipeline), _PIPELINE_THRESHOLDS),
            }
            for source in config.sources
            for pipeline in pipelines_of(source)
        ],
    )
    _create_table(
        connection,
        "config.stages",
        {
            "source": "varchar",
            "pipeline": "varchar",
            "pipeline_key": "varchar",
            "stage": "varchar",
            "stage_key": "varchar",
            "stage_order": "double",
            "canonical_stage": "varchar",
            "is_marked_qualified": "boolean",
            "is_won": "boolean",
            "is_lost": "boolean",
            "is_mandatory": "boolean",
            "win_probability": "double",
            "stale_after_days": "integer",
            "max_days_in_stage": "integer",
            "max_close_date_pushes": "integer",
            "required_fields": "varchar[]",
            "is_configured": "boolean",
            "is_met": "boolean",
        },
        [asdict(stage) for stage in configured_stages(config)],
    )
    _create_table(
        connection,
        "config.pipeline_names",
        {"source": "varchar", "name_key": "varchar", "pipeline": "varchar", "pipeline_key": "varchar"},
        [
            {"source": source, "name_key": key, "pipeline": pipeline, "pipeline_key": normalized(pipeline)}
            for (source, key), pipeline in pipeline_names(config).items()
        ],
    )
    _create_table(
        connection,
        "config.stage_aliases",
        {"source": "varchar", "pipeline_key": "varchar", "alias_key": "varchar", "stage_key": "varchar"},
        [
            {"source": source, "pipeline_key": pipeline, "alias_key": alias, "stage_key": stage}
            for (source, pipeline, alias), stage in stage_aliases(config).items()
        ],
    )
    _create_table(
        connection,
        "config.goals",
        {
            "goal_number": "integer",
            "first_month": "date",
            "last_month": "date",
            "source": "varchar",
            "pipeline": "varchar",
            "stage": "varchar",
            "goal": "varchar",
            "target": "double",
            "is_more_better": "boolean",
        },
        [asdict(goal) for goal in configured_goals(config)],
    )
    _write_feeds(connection, config, loaded, as_of)


def _write_feeds(
    connection: duckdb.DuckDBPyConnection, config: Configuration, loaded: list[FileRecord], as_of: datetime
) -> None:
    feeds, words, filled = [], [], set()
    for source in config.sources:
        for name, feed in source.feeds.items():
            records = [r for r in loaded if (r.source, r.feed) == (source.name, name)]
            is_full = (feed.deliveries or source.deliveries) == "full"
            moments = {_sql_moment(r.extracted_at) for r in records}
            ragged = {_sql_moment(r.extracted_at) for r in records if r.rows_rejected}
            feeds.append(
                {
                    "source": source.name,
                    "feed": name,
                    "entity": feed.entity,
                    "timezone": feed.timezone or source.timezone,
                    "currency": source.currency or config.currency,
                    "is_full": is_full,
                    "first_full_at": min((_sql_moment(r.extracted_at) for r in records), default=None)
                    if is_full
                    else None,
                    "newest_full_at": max((_sql_moment(r.extracted_at) for r in records), default=None)
                    if is_full
                    else None,
                    # a rejected row may be any record's: only a full extract without one proves that a record is gone
                    "newest_proof_at": max(moments - ragged, default=None) if is_full else None,
                    "id_separator": source.id_separator if feed.id_separator is None else feed.id_separator,
                    # a log or versions that were delivered give the stages of deals; configured ones may never come
                    "needs_stage": not any(
                        r.source == source.name and r.entity in HISTORY_ENTITIES and r.rows_loaded for r in loaded
                    ),
                    "done_when_due_by": _utc(as_of) if feed.done_when_past else None,
                    "gone_is_converted": feed.when_gone == "converted",
                    "is_rate_per_unit": feed.rate_means == "reporting_per_unit",
                    "is_required": feed.required,
                    "max_delivery_age_hours": config.thresholds.max_delivery_age_hours
                    if feed.max_delivery_age_hours is None
                    else feed.max_delivery_age_hours,
                    "loaded_files": len(records),
                }
            )
            words += [
                {"source": source.name, "feed": name, "kind": kind, "word": word, "position": position}
                for kind, attribute in _WORDS.items()
                for position, word in enumerate(getattr(feed, attribute), start=1)
            ]
            filled |= {(source.name, feed.entity, column) for record in records for column in record.filled}
    # what a log tells of a deal it delivers, as if it were a column
    filled |= set(
        connection.execute(
            "select distinct _source, 'deal_changes', field from lake.deal_changes "
            "where field is not null and new_value is not null"
        ).fetchall()
    )
    _create_table(
        connection,
        "config.feeds",
        {
            "source": "varchar",
            "feed": "varchar",
            "entity": "varchar",
            "timezone": "varchar",
            "currency": "varchar",
            "is_full": "boolean",
            "first_full_at": "timestamp",
            "newest_full_at": "timestamp",
            "newest_proof_at": "timestamp",
            "id_separator": "varchar",
            "needs_stage": "boolean",
            "done_when_due_by": "timestamp",
            "gone_is_converted": "boolean",
            "is_rate_per_unit": "boolean",
            "is_required": "boolean",
            "max_delivery_age_hours": "double",
            "loaded_files": "integer",
        },
        feeds,
    )
    _create_table(
        connection,
        "config.feed_words",
        {"source": "varchar", "feed": "varchar", "kind": "varchar", "word": "varchar", "position": "integer"},
        words,
    )
    _create_table(
        connection,
        "config.delivered_columns",
        {"source": "varchar", "entity": "varchar", "column_name": "varchar"},
        [{"source": s, "entity": e, "column_name": c} for s, e, c in sorted(filled)],
    )


def _write_files(connection: duckdb.DuckDBPyConnection, config: Configuration, records: list[FileRecord]) -> None:
    confirmed = {
        (source.name, name, sha256)
        for source in config.sources
        for name, feed in source.feeds.items()
        for sha256 in feed.confirmed
    }
    place = places(records)
    _create_table(
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
                "extracted_at": _sql_moment(record.extracted_at),
                "message": record.message or None,
                "is_confirmed": (record.source, record.feed, record.sha256) in confirmed,
                "place": place.get((record.source, record.feed, record.extracted_at)),
                "unmapped_headings": ", ".join(record.unmapped) or None,
                "outranked_headings": ", ".join(record.outranked) or None,
            }
            for record in records
        ],
    )


def _write_recent(connection: duckdb.DuckDBPyConnection, loaded: list[FileRecord], lake_dir: Path) -> None:
    """`lake.headings`, `null_counts` and `recent_deals`: what each feed's newest delivery and its baseline hold.

    Of older deliveries nothing is looked at, however long the lake; NULLs are counted by the files' own statistics.
    """
    compared = places(loaded)
    recent = [r for r in loaded if (r.source, r.feed, r.extracted_at) in compared]
    of_file = {"source": "varchar", "feed": "varchar", "file_id": "varchar"}
    _create_table(
        connection,
        "lake.headings",
        {**of_file, "heading": "varchar"},
        [
            {"source": r.source, "feed": r.feed, "file_id": r.file_id, "heading": heading}
            for r in recent
            for heading in sorted({heading.strip() for heading in r.headings} - {""})
        ],
    )
    _create_table(
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
    connection.execute(f"create view lake.recent_deals as {_entity_rows(connection, 'deals', deals, lake_dir)}")


def _readings(record: FileRecord, config: Configuration) -> dict[str, str]:
    """Column → how staging reads it from this file (dbt: macros/read_values): as configured, else as proved."""
    source = next(source for source in config.sources if source.name == record.source)
    feed = source.feeds[record.feed]
    formats, sign = format_inference.configured_formats(source, feed), format_inference.configured_sign(source, feed)
    said = dict(record.readings)
    for column, form in format_inference.read_columns(record.entity).items():
        if form in ("days", "moments") and formats:
            said[column] = f"configured {date_format_sets(config).index(formats) + 1}"
        elif form in ("amounts", "numbers") and sign:
            said[column] = sign
    return said


def _entity_rows(
    connection: duckdb.DuckDBPyConnection,
    entity: str,
    records: list[tuple[FileRecord, dict[str, str]]],
    lake_dir: Path,
) -> str:
    """SQL of an entity's lake rows: every canonical column as text (NULL where no file has it), provenance, place in
    the file, and as `_reading_<column>` how the file writes it. Files that write alike are read together."""
    alike: dict[tuple[tuple[str, str], ...], list[FileRecord]] = {}
    for record, readings in records:
        alike.setdefault(tuple(sorted(readings.items())), []).append(record)
    parts = [
        _select_rows(connection, entity, rows, dict(readings))
        for readings, written_alike in alike.items()
        for rows in _rows_of(written_alike, lake_dir)
    ]
    return " union all ".join(parts or [_select_none(entity)])


def _rows_of(records: list[FileRecord], lake_dir: Path) -> list[str]:
    """Relations with the rows of these records: of single files, whole compacted ones, parts of compacted ones."""
    single = [_named(record.path(lake_dir, "parquet"), lake_dir) for record in records if not record.compacted]
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
        name = _named(index.with_name(f"{index.stem}.{ending}"), lake_dir)
        is_whole = {record.file_id for record in read_record_file(index) if record.state == "loaded"} == ids
        files[name] = None if is_whole else ", ".join(map(sql.text, sorted(ids)))
    return files


def _select_rows(connection: duckdb.DuckDBPyConnection, entity: str, rows: str, readings: dict[str, str]) -> str:
    present = {row[0] for row in connection.execute(f"describe select * from {rows}").fetchall()}
    selected = [
        column if column in present else f"cast(null as varchar) as {column}" for column in ENTITIES[entity].columns
    ]
    said = [
        f"cast({sql.text(readings[column]) if column in readings else 'null'} as varchar) as _reading_{column}"
        for column in format_inference.read_columns(entity)
    ]
    said.append("_unreadable" if "_unreadable" in present else "cast(null as varchar) as _unreadable")
    kept = f" where {MARKER} is not true" if MARKER in present else ""
    return f"select {', '.join([*selected, *PROVENANCE, *said])}, _file_row_number from {rows}{kept}"


def _select_none(entity: str) -> str:
    columns = [
        *ENTITIES[entity].columns,
        *(f"_reading_{column}" for column in format_inference.read_columns(entity)),
        "_unreadable",
    ]
    empty = [f"cast(null as varchar) as {column}" for column in columns]
    empty += [f"cast(null as {kind}) as {column}" for column, kind in PROVENANCE.items()]
    return f"select {', '.join(empty)}, cast(null as bigint) as _file_row_number where false"


def _create_rejects_view(connection: duckdb.DuckDBPyConnection, records: list[FileRecord], lake_dir: Path) -> None:
    columns = "row_number, column_name, value, reason"
    parts = [
        f"select {sql.text(r.source)} as source, {sql.text(r.feed)} as feed, {sql.text(r.file_id)} as file_id, "
        f"{columns} from read_parquet({_named(r.path(lake_dir, 'rejects.parquet'), lake_dir)})"
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


def _create_table(
    connection: duckdb.DuckDBPyConnection, name: str, columns: dict[str, str], rows: Iterable[dict[str, Any]]
) -> None:
    connection.execute(f"create table {name} ({', '.join(f'{column} {kind}' for column, kind in columns.items())})")
    values: Sequence[list[Any]] = [[row[column] for column in columns] for row in rows]
    if values:
        # column by column: a statement per row takes a millisecond each
        connection.execute(
            f"insert into {name} select {', '.join(f'unnest(cast(? as {kind}[]))' for kind in columns.values())}",
            [list(column) for column in zip(*values, strict=True)],
        )


def _limits(thresholds: Thresholds, columns: Iterable[str]) -> dict[str, Any]:
    return {
        column: days(getattr(thresholds, column))
        if column in ("stale_after_days", "max_days_in_stage")
        else getattr(thresholds, column)
        for column in columns
    }


def _sql_moment(moment: str) -> datetime:
    return _utc(datetime.fromisoformat(moment))


def _utc(moment: datetime) -> datetime:
    """As DuckDB's TIMESTAMP holds it: UTC, without saying so."""
    return moment.astimezone(UTC).replace(tzinfo=None)
