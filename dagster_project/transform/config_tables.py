"""The schema `config`: today's configuration as tables; a change of it is data, not a new parse of the project."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from dagster_project.config.entities import HISTORY_ENTITIES
from dagster_project.config.feeds import Feed, Source
from dagster_project.config.goals import ConfiguredGoal, TeamMember, configured_goals, configured_teams
from dagster_project.config.models import Configuration, Thresholds
from dagster_project.config.pipelines import PipelineThresholds
from dagster_project.config.stages import (
    DEFAULT_REQUIRED,
    ConfiguredStage,
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
from dagster_project.transform.tables import columns_of, create_table, sql_moment, utc

#: What says how deliveries are taken, and not how their records are judged.
_OF_DELIVERIES = ("max_delivery_age_hours", "min_volume_share")
#: A limit in hours that nothing reaches.
_FOR_EVER = 1_000_000


@dataclass(frozen=True)
class RunRow:
    """One row: as-of moment, reporting timezone and currency, thresholds."""

    as_of: datetime
    as_of_date: date
    timezone: str
    currency: str
    history_starts_on: date
    required_fields: list[str]
    gross_margin: float | None
    fiscal_year_starts: int


@dataclass(frozen=True)
class BuildRow:
    """One row: digests of the configuration and of the code that the night is a function of, and the configuration."""

    configuration: str
    software: str
    configured: str


@dataclass(frozen=True)
class SourceRow:
    """One row per source."""

    source: str
    currency: str
    after_close: str


@dataclass(frozen=True)
class PipelineRow:
    """One row per configured pipeline, and per met one that has the vendor's stages (is_met)."""

    source: str
    pipeline: str
    pipeline_key: str
    after_close: str
    is_met: bool


@dataclass(frozen=True)
class PipelineNameRow:
    """Every name of a configured pipeline, aliases included."""

    source: str
    name_key: str
    pipeline: str
    pipeline_key: str


@dataclass(frozen=True)
class StageAliasRow:
    """What else a configured stage is called."""

    source: str
    pipeline_key: str
    alias_key: str
    stage_key: str


@dataclass(frozen=True)
class FeedRow:
    """One row per feed: its timezone, currency, newest full extract."""

    source: str
    feed: str
    entity: str
    timezone: str
    currency: str
    is_full: bool
    first_full_at: datetime | None
    newest_full_at: datetime | None
    #: A rejected row may be any record's: only a full extract without one proves that a record is gone.
    newest_proof_at: datetime | None
    id_separator: str | None
    #: A log or versions that were delivered give the stages of deals; configured ones may never come.
    needs_stage: bool
    done_when_due_by: datetime | None
    gone_is_converted: bool
    is_rate_per_unit: bool
    is_required: bool
    max_delivery_age_hours: float
    loaded_files: int


@dataclass(frozen=True)
class FeedWordRow:
    """Words a mapping lists, by kind."""

    source: str
    feed: str
    kind: str
    word: str
    position: int


@dataclass(frozen=True)
class DeliveredColumnRow:
    """Canonical columns of a source with at least one value; of a log also the fields it tells."""

    source: str
    entity: str
    column_name: str


_ROWS: dict[str, type] = {
    "run": RunRow,
    "build": BuildRow,
    "sources": SourceRow,
    "pipelines": PipelineRow,
    "pipeline_names": PipelineNameRow,
    "stages": ConfiguredStage,
    "stage_aliases": StageAliasRow,
    "goals": ConfiguredGoal,
    "team_members": TeamMember,
    "feeds": FeedRow,
    "feed_words": FeedWordRow,
    "delivered_columns": DeliveredColumnRow,
}
#: The tables of the schema `config`, and what they hold.
CONFIG_TABLES = {name: str(row.__doc__).split("\n")[0] for name, row in _ROWS.items()}

_WORDS = {
    "response_type": "response_types",
    "lead_status": "lead_statuses",
    "converted_lead_status": "converted_lead_statuses",
    "closed_lead_status": "closed_lead_statuses",
    "lost_when_set": "lost_when_set",
}


def write_run(connection: duckdb.DuckDBPyConnection, config: Configuration, as_of: datetime) -> None:
    """Creates config.run: one row, of moment, timezone, currency and limits."""
    row = RunRow(
        as_of=utc(as_of),
        as_of_date=as_of.astimezone(ZoneInfo(config.timezone)).date(),
        timezone=config.timezone,
        currency=config.currency,
        history_starts_on=config.history_starts_on,
        required_fields=[field for field, stage in DEFAULT_REQUIRED.items() if stage == CANONICAL_STAGES[0]],
        gross_margin=config.gross_margin,
        fiscal_year_starts=config.fiscal_year_starts,
    )
    kinds = {name: kind for name, kind in columns_of(Thresholds).items() if name not in _OF_DELIVERIES}
    create_table(
        connection,
        "config.run",
        columns_of(RunRow) | kinds,
        [asdict(row) | _limits(config.thresholds, kinds)],
    )


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
    _write(
        connection,
        "sources",
        [SourceRow(one.name, one.currency or config.currency, one.after_close) for one in config.sources],
    )
    _write_pipelines(connection, config, pipeline_names(configured))
    _write(connection, "stages", configured_stages(config))
    _write(
        connection,
        "pipeline_names",
        [
            PipelineNameRow(source, key, pipeline, normalized(pipeline))
            for (source, key), pipeline in pipeline_names(config).items()
        ],
    )
    _write(
        connection,
        "stage_aliases",
        [
            StageAliasRow(source, pipeline, alias, stage)
            for (source, pipeline, alias), stage in stage_aliases(config).items()
        ],
    )
    _write(connection, "goals", configured_goals(config))
    _write(connection, "team_members", configured_teams(config))
    feeds = [(source, name, feed) for source in config.sources for name, feed in source.feeds.items()]
    _write(connection, "feeds", [_feed_row(config, *one, loaded, as_of) for one in feeds])
    _write(
        connection,
        "feed_words",
        [
            FeedWordRow(source.name, name, kind, word, position)
            for source, name, feed in feeds
            for kind, attribute in _WORDS.items()
            for position, word in enumerate(getattr(feed, attribute), start=1)
        ],
    )
    _write(connection, "delivered_columns", _delivered_columns(connection, feeds, loaded))


def _write(connection: duckdb.DuckDBPyConnection, name: str, rows: Sequence[Any]) -> None:
    create_table(connection, f"config.{name}", columns_of(_ROWS[name]), map(asdict, rows))


def _write_pipelines(
    connection: duckdb.DuckDBPyConnection, config: Configuration, known: Mapping[tuple[str, str], str]
) -> None:
    kinds = columns_of(PipelineThresholds)
    rows = [
        asdict(
            PipelineRow(
                source=source.name,
                pipeline=pipeline.name,
                pipeline_key=normalized(pipeline.name),
                after_close=pipeline.after_close or source.after_close,
                is_met=(source.name, normalized(pipeline.name)) not in known,
            )
        )
        | _limits(pipeline_limits(config, pipeline), kinds)
        for source in config.sources
        for pipeline in pipelines_of(source)
    ]
    create_table(connection, "config.pipelines", columns_of(PipelineRow) | kinds, rows)


def _feed_row(
    config: Configuration, source: Source, name: str, feed: Feed, loaded: list[FileRecord], as_of: datetime
) -> FeedRow:
    records = [record for record in loaded if (record.source, record.feed) == (source.name, name)]
    is_full = (feed.deliveries or source.deliveries) == "full"
    moments = {sql_moment(record.extracted_at) for record in records} if is_full else set()
    ragged = {sql_moment(record.extracted_at) for record in records if record.rows_rejected}
    return FeedRow(
        source=source.name,
        feed=name,
        entity=feed.entity,
        timezone=feed.timezone or source.timezone,
        currency=source.currency or config.currency,
        is_full=is_full,
        first_full_at=min(moments, default=None),
        newest_full_at=max(moments, default=None),
        newest_proof_at=max(moments - ragged, default=None),
        id_separator=source.id_separator if feed.id_separator is None else feed.id_separator,
        needs_stage=not any(
            record.source == source.name and record.entity in HISTORY_ENTITIES and record.rows_loaded
            for record in loaded
        ),
        done_when_due_by=utc(as_of) if feed.done_when_past else None,
        gone_is_converted=feed.when_gone == "converted",
        is_rate_per_unit=feed.rate_means == "reporting_per_unit",
        is_required=feed.required,
        max_delivery_age_hours=_max_age(config, feed),
        loaded_files=len(records),
    )


def _max_age(config: Configuration, feed: Feed) -> float:
    """Hours. A table that did not change is delivered once: how old that is says nothing, unless a feed asks."""
    if feed.max_delivery_age_hours is not None:
        return feed.max_delivery_age_hours
    return config.thresholds.max_delivery_age_hours if feed.table is None else _FOR_EVER


def _delivered_columns(
    connection: duckdb.DuckDBPyConnection, feeds: list[tuple[Source, str, Feed]], loaded: list[FileRecord]
) -> list[DeliveredColumnRow]:
    entities = {(source.name, name): feed.entity for source, name, feed in feeds}
    filled = {
        (record.source, entities[record.source, record.feed], column)
        for record in loaded
        if (record.source, record.feed) in entities
        for column in record.filled
    }
    # what a log tells of a deal it delivers, as if it were a column
    filled |= set(
        connection.execute(
            "select distinct _source, 'deal_changes', field from lake.deal_changes "
            "where field is not null and new_value is not null"
        ).fetchall()
    )
    return [DeliveredColumnRow(*one) for one in sorted(filled)]


def _limits(thresholds: Thresholds, columns: Iterable[str]) -> dict[str, Any]:
    return {
        column: days(getattr(thresholds, column))
        if column in ("stale_after_days", "max_days_in_stage")
        else getattr(thresholds, column)
        for column in columns
    }
