"""The schema `config`: today's configuration as tables; a change of it is data, not a new parse of the project."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from dagster_project.config.entities import HISTORY_ENTITIES
from dagster_project.config.goals import configured_goals
from dagster_project.config.models import Configuration, Thresholds
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
from dagster_project.config.values import CANONICAL_STAGES
from dagster_project.lake.manifest import FileRecord
from dagster_project.transform.tables import (
    create_table,
    sql_moment,
    utc,
)

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

_WORDS = {
    "response_type": "response_types",
    "lead_status": "lead_statuses",
    "converted_lead_status": "converted_lead_statuses",
    "closed_lead_status": "closed_lead_statuses",
    "lost_when_set": "lost_when_set",
}


def write_run(connection: duckdb.DuckDBPyConnection, config: Configuration, as_of: datetime) -> None:
    """Creates config.run: one row, of moment, timezone, currency and limits."""
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
        "as_of": utc(as_of),
        "as_of_date": as_of.astimezone(ZoneInfo(config.timezone)).date(),
        "timezone": config.timezone,
        "currency": config.currency,
        "history_starts_on": config.history_starts_on,
        **_limits(config.thresholds, _THRESHOLDS),
        "required_fields": [field for field, stage in DEFAULT_REQUIRED.items() if stage == CANONICAL_STAGES[0]],
        "gross_margin": config.gross_margin,
    }
    create_table(connection, "config.run", columns, [row])


def write_sources(
    connection: duckdb.DuckDBPyConnection,
    configured: Configuration,
    config: Configuration,
    loaded: list[FileRecord],
    as_of: datetime,
) -> None:
    """Creates what is said of sources: pipelines, stages, goals, feeds.

    `configured` is as written; `config` has the stages and pipelines that were delivered as well.
    """
    known = pipeline_names(configured)
    create_table(
        connection,
        "config.sources",
        {"source": "varchar", "currency": "varchar", "after_close": "varchar"},
        [
            {"source": s.name, "currency": s.currency or config.currency, "after_close": s.after_close}
            for s in config.sources
        ],
    )
    create_table(
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
    create_table(
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
    create_table(
        connection,
        "config.pipeline_names",
        {"source": "varchar", "name_key": "varchar", "pipeline": "varchar", "pipeline_key": "varchar"},
        [
            {"source": source, "name_key": key, "pipeline": pipeline, "pipeline_key": normalized(pipeline)}
            for (source, key), pipeline in pipeline_names(config).items()
        ],
    )
    create_table(
        connection,
        "config.stage_aliases",
        {"source": "varchar", "pipeline_key": "varchar", "alias_key": "varchar", "stage_key": "varchar"},
        [
            {"source": source, "pipeline_key": pipeline, "alias_key": alias, "stage_key": stage}
            for (source, pipeline, alias), stage in stage_aliases(config).items()
        ],
    )
    create_table(
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
            moments = {sql_moment(r.extracted_at) for r in records}
            ragged = {sql_moment(r.extracted_at) for r in records if r.rows_rejected}
            feeds.append(
                {
                    "source": source.name,
                    "feed": name,
                    "entity": feed.entity,
                    "timezone": feed.timezone or source.timezone,
                    "currency": source.currency or config.currency,
                    "is_full": is_full,
                    "first_full_at": min((sql_moment(r.extracted_at) for r in records), default=None)
                    if is_full
                    else None,
                    "newest_full_at": max((sql_moment(r.extracted_at) for r in records), default=None)
                    if is_full
                    else None,
                    # a rejected row may be any record's: only a full extract without one proves that a record is gone
                    "newest_proof_at": max(moments - ragged, default=None) if is_full else None,
                    "id_separator": source.id_separator if feed.id_separator is None else feed.id_separator,
                    # a log or versions that were delivered give the stages of deals; configured ones may never come
                    "needs_stage": not any(
                        r.source == source.name and r.entity in HISTORY_ENTITIES and r.rows_loaded for r in loaded
                    ),
                    "done_when_due_by": utc(as_of) if feed.done_when_past else None,
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
    create_table(
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
    create_table(
        connection,
        "config.feed_words",
        {"source": "varchar", "feed": "varchar", "kind": "varchar", "word": "varchar", "position": "integer"},
        words,
    )
    create_table(
        connection,
        "config.delivered_columns",
        {"source": "varchar", "entity": "varchar", "column_name": "varchar"},
        [{"source": s, "entity": e, "column_name": c} for s, e, c in sorted(filled)],
    )


def _limits(thresholds: Thresholds, columns: Iterable[str]) -> dict[str, Any]:
    return {
        column: days(getattr(thresholds, column))
        if column in ("stale_after_days", "max_days_in_stage")
        else getattr(thresholds, column)
        for column in columns
    }
