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

from dagster_project.config.entities import ENTITIES
from dagster_project.config.models import Configuration
from dagster_project.config.stages import configured_stages, normalized, pipelines_of
from dagster_project.ingest.lake import FileRecord

#: The tables of the schema `lake`, and what they hold.
LAKE_TABLES = {
    "files": "One row per delivered file that this run sees, with its state.",
    "rejects": "One row per row that the parser rejected.",
    **{
        entity: f"Every lake row of {entity} that this run sees, still text, with where it came from."
        for entity in ENTITIES
    },
}

#: The tables of the schema `config`: today's configuration as data.
CONFIG_TABLES = {
    "run": "One row: as-of moment, reporting timezone and currency, thresholds.",
    "sources": "One row per source.",
    "pipelines": "One row per configured pipeline.",
    "stages": "One row per configured stage, templates resolved.",
    "feeds": "One row per feed: its timezone, date formats, newest full extract.",
    "feed_words": "Words a mapping lists, by kind.",
    "delivered_columns": "Canonical columns of a source with at least one value.",
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
    """The distinct lists of date formats that feeds are configured with; a feed points at one, from 1."""
    sets: list[list[str]] = []
    for source in config.sources:
        for feed in source.feeds.values():
            formats = source.date_formats if feed.date_formats is None else feed.date_formats
            if formats and formats not in sets:
                sets.append(formats)
    return sets


def prepare(work_path: Path, config: Configuration, records: list[FileRecord], lake_dir: Path, as_of: datetime) -> None:
    """Creates `work` with the schemas `config` and `lake` for a run at `as_of` over these records."""
    with duckdb.connect(str(work_path)) as connection:
        connection.execute("create schema config; create schema lake")
        loaded = [record for record in records if record.state == "loaded"]
        _write_run(connection, config, as_of)
        _write_sources(connection, config, loaded)
        _write_files(connection, config, records)
        for entity in ENTITIES:
            _create_entity_view(connection, entity, [r for r in loaded if r.entity == entity], lake_dir)
        _create_rejects_view(connection, [r for r in loaded if r.rows_rejected], lake_dir)


def _write_run(connection: duckdb.DuckDBPyConnection, config: Configuration, as_of: datetime) -> None:
    columns = {
        "as_of": "timestamp",
        "as_of_date": "date",
        "timezone": "varchar",
        "currency": "varchar",
        "history_starts_on": "date",
        "stale_after_days": "integer",
        "lead_response_sla_hours": "double",
        "max_rate_age_days": "integer",
        "max_quarantine_share": "double",
    }
    row = {
        "as_of": as_of.astimezone(UTC).replace(tzinfo=None),
        "as_of_date": as_of.astimezone(ZoneInfo(config.timezone)).date(),
        "timezone": config.timezone,
        "currency": config.currency,
        "history_starts_on": config.history_starts_on,
        "stale_after_days": config.thresholds.stale_after_days,
        "lead_response_sla_hours": config.thresholds.lead_response_sla_hours,
        "max_rate_age_days": config.thresholds.max_rate_age_days,
        "max_quarantine_share": config.thresholds.max_quarantine_share,
    }
    _create_table(connection, "config.run", columns, [row])


def _write_sources(connection: duckdb.DuckDBPyConnection, config: Configuration, loaded: list[FileRecord]) -> None:
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
        {"source": "varchar", "pipeline": "varchar", "pipeline_key": "varchar", "after_close": "varchar"},
        [
            {
                "source": source.name,
                "pipeline": pipeline.name,
                "pipeline_key": normalized(pipeline.name),
                "after_close": pipeline.after_close or source.after_close,
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
            "requires_amount": "boolean",
            "requires_expected_close_on": "boolean",
            "is_configured": "boolean",
        },
        [asdict(stage) for stage in configured_stages(config)],
    )
    _write_feeds(connection, config, loaded)


def _write_feeds(connection: duckdb.DuckDBPyConnection, config: Configuration, loaded: list[FileRecord]) -> None:
    sets = date_format_sets(config)
    feeds, words, filled = [], [], set()
    for source in config.sources:
        for name, feed in source.feeds.items():
            records = [r for r in loaded if (r.source, r.feed) == (source.name, name)]
            is_full = (feed.deliveries or source.deliveries) == "full"
            formats = source.date_formats if feed.date_formats is None else feed.date_formats
            feeds.append(
                {
                    "source": source.name,
                    "feed": name,
                    "entity": feed.entity,
                    "timezone": feed.timezone or source.timezone,
                    "currency": source.currency or config.currency,
                    "date_format_set": sets.index(formats) + 1 if formats else 0,
                    "is_full": is_full,
                    "newest_full_at": max((_sql_moment(r.extracted_at) for r in records), default=None)
                    if is_full
                    else None,
                    "needs_stage": not source.has_history_feed,
                    "is_required": feed.required,
                    "loaded_files": len(records),
                }
            )
            words += [
                {"source": source.name, "feed": name, "kind": kind, "word": word, "position": position}
                for kind, attribute in _WORDS.items()
                for position, word in enumerate(getattr(feed, attribute), start=1)
            ]
            filled |= {(source.name, feed.entity, column) for record in records for column in record.filled}
    _create_table(
        connection,
        "config.feeds",
        {
            "source": "varchar",
            "feed": "varchar",
            "entity": "varchar",
            "timezone": "varchar",
            "currency": "varchar",
            "date_format_set": "integer",
            "is_full": "boolean",
            "newest_full_at": "timestamp",
            "needs_stage": "boolean",
            "is_required": "boolean",
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
            "state": "varchar",
            "message": "varchar",
            "is_confirmed": "boolean",
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
                "unmapped_headings": ", ".join(record.unmapped) or None,
                "outranked_headings": ", ".join(record.outranked) or None,
            }
            for record in records
        ],
    )


def _create_entity_view(
    connection: duckdb.DuckDBPyConnection, entity: str, records: list[FileRecord], lake_dir: Path
) -> None:
    """`lake.<entity>`: every canonical column as text (NULL where no file has it), provenance, place in the file."""
    columns = ENTITIES[entity].columns
    if not records:
        empty = [f"cast(null as varchar) as {column}" for column in columns]
        empty += [f"cast(null as {kind}) as {column}" for column, kind in PROVENANCE.items()]
        connection.execute(
            f"create view lake.{entity} as select {', '.join(empty)}, "
            "cast(null as bigint) as _file_row_number where false"
        )
        return
    files = ", ".join(_text(str(record.path(lake_dir, "parquet"))) for record in records)
    scan = f"read_parquet([{files}], union_by_name = true, file_row_number = true)"
    present = {row[0] for row in connection.execute(f"describe select * from {scan}").fetchall()}
    selected = [column if column in present else f"cast(null as varchar) as {column}" for column in columns]
    connection.execute(
        f"create view lake.{entity} as select {', '.join([*selected, *PROVENANCE])}, "
        f"file_row_number as _file_row_number from {scan}"
    )


def _create_rejects_view(connection: duckdb.DuckDBPyConnection, records: list[FileRecord], lake_dir: Path) -> None:
    parts = [
        f"select {_text(r.source)} as source, {_text(r.feed)} as feed, {_text(r.file_id)} as file_id, "
        f"row_number, column_name, value, reason from read_parquet({_text(str(r.path(lake_dir, 'rejects.parquet')))})"
        for r in records
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
        connection.executemany(f"insert into {name} values ({', '.join('?' * len(columns))})", values)


def _sql_moment(moment: str) -> datetime:
    return datetime.fromisoformat(moment).astimezone(UTC).replace(tzinfo=None)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
