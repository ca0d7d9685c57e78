"""Deals' whole lives: each published value with the row and text it was read from, rows that newer ones replaced, the
history with its evidence, the rules that were broken, and what of its past is told otherwise than before.

Of many deals with the same queries as of one: a night asks for those of its worst.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from dagster_project import sql
from dagster_project.config.entities import HISTORY_ENTITIES
from dagster_project.config.feeds import Source
from dagster_project.config.models import Configuration
from dagster_project.lake.deliveries import select_deliveries
from dagster_project.lake.manifest import FileRecord, read_records
from dagster_project.publish.deals.proofs import Proof, proofs
from dagster_project.read.tables import record_number
from dagster_project.transform.lake_views import entity_rows, readings_of, search_path

#: Published column → the canonical columns of a deal's row that it can come from, the first with a text first.
COMES_FROM = {
    "deal_name": ["deal_name"],
    "pipeline": ["pipeline"],
    "stage": ["stage"],
    "status": ["status", "is_won", "is_lost", "is_closed", "stage"],
    "owner_key": ["owner_id"],
    "account_key": ["account_id"],
    "lead_key": ["lead_id"],
    "lead_source": ["lead_source"],
    "amount": ["amount"],
    "currency": ["currency"],
    "amount_reporting": ["amount"],
    "merged_into_deal_key": ["merged_into_id"],
    "created_at": ["created_at"],
    "created_on": ["created_at"],
    "expected_close_on": ["expected_close_on", "close_on"],
    "closed_at": ["closed_at", "won_at", "lost_at", "close_on"],
    "closed_on": ["closed_at", "won_at", "lost_at", "close_on"],
    "lost_reason": ["lost_reason"],
}
#: Of the others, and of those without a text, what gives them.
GIVEN_BY = {
    "account_key": "its activities or the account's own rows",
    "lead_key": "the lead that says it became this deal",
    "lead_source": "its lead",
    "segment": "its account",
    "currency": "the configuration",
    "reporting_rate": "the exchange rate of the day",
    "pipeline": "the configuration",
    "pipeline_key": "source and pipeline",
    "stage": "its history",
    "stage_key": "source, pipeline and stage",
    "canonical_stage": "the configuration of the stage",
    "status": "its history",
    "is_qualified": "its history",
    "is_first_win": "the deals of its account",
    "created_at": "its history",
    "created_on": "its history",
    "created_at_is_estimated": "whether a delivery says when it was created",
    "qualified_at": "its history",
    "deleted_at": "the deliveries that no longer have it",
    "merged_into_deal_key": "the deal that swallowed it",
    "closed_at": "its history",
    "closed_on": "its history",
    "sales_cycle_days": "created_at and closed_at",
    "last_stage_change_at": "its history",
    "last_activity_at": "its activities",
    "last_touch_at": "its history and activities",
    "next_activity_at": "its activities",
    "close_date_pushes": "the changes of its expected close",
}
_KEYS = ("deal_key", "source", "deal_id")
#: What makes two rows of a history the same event (dbt: staging/rows).
_SAME_EVENT = {
    "deal_changes": ("deal_id", "field", "changed_at", "new_value"),
    "deal_versions": ("deal_id", "version_id", "version_at", "stage", "amount", "expected_close_on"),
}

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Row:
    """A row that tells of the deal: where it stands, and what it says as it was written.

    `state`: current, superseded (a newer row or full extract replaced it) or quarantined. `again`: how many newer rows
    in a row, up to the next listed one, say the same.
    """

    entity: str
    file: str
    row_number: int
    extracted_at: datetime
    state: str
    says: dict[str, str]
    #: Column of dates or numbers → how its text is read, and by what that is known.
    read_as: dict[str, str]
    again: int = 0


@dataclass(frozen=True)
class Value:
    """A published value, and the text it was read from, with its delivery; without a text, what gives it."""

    column: str
    value: Any
    text: str | None = None
    canonical: str | None = None
    read_as: str | None = None
    file: str | None = None
    row_number: int | None = None
    extracted_at: datetime | None = None
    given_by: str | None = None


@dataclass
class Life:
    """All of it."""

    deal_key: str
    source: str
    deal_id: str
    values: list[Value]
    rows: list[Row] = field(default_factory=list)
    transitions: Rows = field(default_factory=list)
    changes: Rows = field(default_factory=list)
    violations: Rows = field(default_factory=list)
    restatements: Rows = field(default_factory=list)

    @property
    def plain(self) -> dict[str, Any]:
        """As JSON takes it."""
        said = _plain(asdict(self))
        assert isinstance(said, dict)
        return said

    def value(self, column: str) -> Any:
        """What is published of it; None where nothing is known."""
        return next((one.value for one in self.values if one.column == column), None)


def lives(
    connection: duckdb.DuckDBPyConnection, config: Configuration, lake_dir: Path, keys: Sequence[str], as_of: datetime
) -> list[Life]:
    """The lives of published deals, in the order of their keys; one that is not published is left out.

    The connection has the published tables; the lake is read as of that moment.
    """
    deals = {deal["deal_key"]: deal for deal in _dicts(connection, _of_deals("marts.fct_deals"), {"keys": list(keys)})}
    rows = _rows(connection, config, lake_dir, list(deals.values()), as_of)
    told = {
        name: _by_deal(_dicts(connection, query, {"keys": list(deals)}))
        for name, query in {
            "transitions": _TRANSITIONS,
            "changes": _CHANGES,
            "violations": _VIOLATIONS,
            "restatements": _RESTATEMENTS,
        }.items()
    }
    return [
        Life(
            key,
            deals[key]["source"],
            deals[key]["deal_id"],
            _values(deals[key], rows[key], told["transitions"][key]),
            rows[key],
            **{name: found[key] for name, found in told.items()},
        )
        for key in keys
        if key in deals
    ]


def _of_deals(relation: str) -> str:
    return f"select * from {relation} where deal_key in (select unnest($keys))"


_TRANSITIONS = """
    select
        deal_key, transition_number, transitioned_at, from_stage, to_stage, direction, evidence, amount, owner_key
    from marts.fct_stage_transitions where deal_key in (select unnest($keys)) order by deal_key, transition_number
"""
_CHANGES = """
    select deal_key, changed_at, field, old_value, new_value, evidence
    from marts.fct_deal_changes
    where deal_key in (select unnest($keys)) and field != 'stage'
    order by deal_key, changed_at, field, change_number
"""
# of a deal itself, of its transitions, and of cells of its rows
_VIOLATIONS = """
    with subjects as (
        select deal_key, 'deals' as entity, deal_key as record_key from marts.fct_deals
        where deal_key in (select unnest($keys))
        union all
        select deal_key, 'transitions', transition_key from marts.fct_stage_transitions
        where deal_key in (select unnest($keys))
    ),

    -- `<source>:<entity>:<id>:<column>`
    of_rows as (
        select
            concat(
                source, ':',
                regexp_replace(substr(record_key, length(source) + length(entity) + 3), ':[^:]*$', '')
            ) as deal_key,
            *
        from quality.hygiene_violations
        where entity in ('deals', 'deal_changes', 'deal_versions')
          and starts_with(record_key, concat(source, ':', entity, ':'))
    ),

    found as (
        select subjects.deal_key, violations.*
        from quality.hygiene_violations as violations
        inner join subjects
            on violations.entity = subjects.entity and violations.record_key = subjects.record_key
        union all
        select * from of_rows where deal_key in (select unnest($keys))
    )

    select deal_key, rule, severity, message, observed, allowed, first_seen_on, last_seen_on, resolved_on
    from found order by deal_key, resolved_on is not null, first_seen_on, rule, message
"""
_RESTATEMENTS = """
    select
        record_key as deal_key, cause, field, before, now, file, row_number,
        min(month) as first_month, max(month) as last_month
    from quality.restatement_records
    where record_key in (select unnest($keys)) and entity = 'deals' and grain = 'all' and cause != 'several'
    group by record_key, cause, field, before, now, file, row_number order by record_key, cause, field
"""


def _by_deal(rows: Rows) -> defaultdict[str, Rows]:
    found: defaultdict[str, Rows] = defaultdict(list)
    for row in rows:
        found[row.pop("deal_key")].append(row)
    return found


def _values(deal: dict[str, Any], rows: list[Row], transitions: Rows) -> list[Value]:
    """Every published column; a field of the configuration is a column of its own."""
    said = {column: value for column, value in deal.items() if column != "fields"}
    fields = json.loads(deal["fields"]) if deal.get("fields") else {}
    values = [_value(column, value, COMES_FROM.get(column, []), rows, transitions) for column, value in said.items()]
    return values + [_value(name, value, [name], rows, transitions) for name, value in fields.items()]


def _value(column: str, value: Any, canonical: list[str], rows: list[Row], transitions: Rows) -> Value:
    if value is None or column in _KEYS:
        return Value(column, value)
    last = transitions[-1] if transitions else None
    is_logged_close = (
        column in ("closed_at", "closed_on") and last is not None and last["evidence"] in ("logged", "versioned")
    )
    found = None if is_logged_close else _text(rows, canonical)
    if found is None:
        evidence = f" ({last['evidence']})" if is_logged_close and last else ""
        given_by = GIVEN_BY.get(column)
        return Value(column, value, given_by=f"{given_by}{evidence}" if given_by else None)
    row, name, cell = found
    read_as = row.read_as.get(name)
    if row.entity == "deal_changes":
        read_as = row.read_as.get("new_value")
    return Value(column, value, row.says[cell], name, read_as, row.file, row.row_number, row.extracted_at)


def _text(rows: list[Row], canonical: list[str]) -> tuple[Row, str, str] | None:
    """The row that tells a value, the canonical column, and the cell: that of the current row, else of its history."""
    standing = [row for row in rows if row.state == "current"]
    for row in standing:
        if row.entity == "deals":
            return next(((row, name, name) for name in canonical if name in row.says), None)
    for row in reversed(standing):
        for name in canonical:
            if row.entity == "deal_versions" and name in row.says:
                return row, name, name
            if row.entity == "deal_changes" and row.says.get("field") == name and "new_value" in row.says:
                return row, name, "new_value"
    return None


def _rows(
    connection: duckdb.DuckDBPyConnection, config: Configuration, lake_dir: Path, deals: Rows, as_of: datetime
) -> defaultdict[str, list[Row]]:
    """Deal → every row of the lake that tells of it, oldest first, as of a moment."""
    sources = {deal["source"] for deal in deals}
    selected = [
        record
        for record in select_deliveries(
            read_records(lake_dir), config.sources, as_of, config.thresholds.min_volume_share
        )
        if record.state == "loaded" and record.source in sources and record.entity in ("deals", *HISTORY_ENTITIES)
    ]
    keys = {(deal["source"], deal["deal_id"]): deal["deal_key"] for deal in deals}
    quarantined = {
        tuple(row.values())
        for row in _dicts(
            connection,
            "select entity, file, extracted_at, row_number from quality.quarantined_rows "
            "where record_id in (select unnest($ids))",
            {"ids": [deal["deal_id"] for deal in deals]},
        )
    }
    newest_full = _newest_full(config.sources, selected)
    named = {source.name: source for source in config.sources}
    found: defaultdict[str, list[Row]] = defaultdict(list)
    with duckdb.connect() as lake:
        lake.execute("set file_search_path = ?", [search_path(lake_dir)])
        number_of = _numbering(lake, lake_dir)
        for entity in ("deals", *HISTORY_ENTITIES):
            of_entity = [record for record in selected if record.entity == entity]
            if not of_entity:
                continue
            by_id = {
                (record.feed, record.file_id): (record, proofs(record, named[record.source])) for record in of_entity
            }
            for row in _lake_rows(lake, entity, config, of_entity, lake_dir, keys):
                record, said = by_id[row["_feed"], row["_file_id"]]
                number = number_of(record, row["_file_row_number"])
                says = {name: value for name, value in row.items() if not name.startswith("_") and value is not None}
                is_old = row["_extracted_at"] < newest_full.get((record.source, record.feed), row["_extracted_at"])
                is_quarantined = (entity, record.file, row["_extracted_at"], number) in quarantined
                state = "superseded" if is_old else "quarantined" if is_quarantined else "current"
                found[keys[row["_source"], row["deal_id"]]].append(
                    Row(
                        entity,
                        record.file,
                        number,
                        row["_extracted_at"],
                        state,
                        says,
                        _read_as(entity, says, said),
                        row["_again"],
                    )
                )
    return defaultdict(list, {key: _settled(rows) for key, rows in found.items()})


def _lake_rows(
    lake: duckdb.DuckDBPyConnection,
    entity: str,
    config: Configuration,
    records: list[FileRecord],
    lake_dir: Path,
    keys: Iterable[tuple[str, str]],
) -> Rows:
    """The rows of these deals, oldest first, without those that only say again what the row before them said.

    The newest row of each stays; `_again` is how many were left out behind a row.
    """
    relation = entity_rows(
        lake,
        entity,
        config.fields.get(entity, {}),
        [(record, readings_of(record, config)) for record in records],
        lake_dir,
    )
    columns = [row[0] for row in lake.execute(f"describe {relation}").fetchall()]
    said = ", ".join(column for column in columns if not column.startswith("_"))
    ids = ", ".join(sql.text(deal_id) for _, deal_id in keys)
    pairs = ", ".join(f"({sql.text(source)}, {sql.text(deal_id)})" for source, deal_id in keys)
    order = "_extracted_at, _file_id, _file_row_number"
    # of a history each row is another event
    is_news = "true" if entity != "deals" else "hash(_said) is distinct from lag(hash(_said)) over of_deal"
    return _dicts(
        lake,
        f"""
        with told as (
            select *, row({said}) as _said from ({relation})
            where deal_id in ({ids}) and (_source, deal_id) in ({pairs})
        ),

        numbered as (
            select
                * exclude (_said),
                row_number() over of_deal as _place,
                count(*) over (partition by _source, deal_id) as _rows,
                {is_news} as _is_news
            from told
            window of_deal as (partition by _source, deal_id order by {order})
        )

        select
            * exclude (_place, _rows, _is_news),
            coalesce(lead(_place) over listed, _rows + 1) - _place - 1 as _again
        from numbered
        where _is_news or _place = _rows
        window listed as (partition by _source, deal_id order by _place)
        order by _source, deal_id, _place
        """,
        {},
    )


def _newest_full(sources: list[Source], records: list[FileRecord]) -> dict[tuple[str, str], datetime]:
    """Source and feed of a history that is delivered in full → its newest delivery: what is older is replaced by it."""
    feeds = {
        (source.name, name): feed.deliveries or source.deliveries
        for source in sources
        for name, feed in source.feeds.items()
    }
    found: dict[tuple[str, str], datetime] = {}
    for record in records:
        place = (record.source, record.feed)
        if record.entity in HISTORY_ENTITIES and feeds[place] == "full":
            moment = datetime.fromisoformat(record.extracted_at).replace(tzinfo=None)
            found[place] = max(moment, found.get(place, moment))
    return found


def _settled(rows: list[Row]) -> list[Row]:
    """The rows of one deal: of usable ones of the deal itself the newest is current, of equal events the earliest."""
    usable = [row for row in rows if row.entity == "deals" and row.state == "current"]
    seen: set[tuple[str | None, ...]] = set()
    settled = []
    for row in rows:
        state = row.state
        if row.entity == "deals" and state == "current":
            state = "current" if row is usable[-1] else "superseded"
        elif state == "current":
            event = (row.entity, *(row.says.get(name) for name in _SAME_EVENT[row.entity]))
            state = "superseded" if event in seen else "current"
            seen.add(event)
        settled.append(replace(row, state=state))
    return settled


def _read_as(entity: str, says: dict[str, str], proved: dict[str, Proof]) -> dict[str, str]:
    """Of the columns that have a text. A logged value is read as what its field is."""
    found = {column: proof.of(says[column]) for column, proof in proved.items() if column in says}
    if entity == "deal_changes":
        of_field = {"amount": "changed_amounts", "created_at": "changed_dates", "expected_close_on": "changed_dates"}
        if (kind := of_field.get(says.get("field", ""))) in proved:
            found |= {name: proved[kind].of(says[name]) for name in ("old_value", "new_value") if name in says}
    return found


def _numbering(lake: duckdb.DuckDBPyConnection, lake_dir: Path) -> Callable[[FileRecord, int], int]:
    """The record's number in its file, heading 1: rows that the parser rejected before it count as well."""

    @cache
    def rejected(path: Path, file_id: str | None) -> list[int]:
        of_file = f"where _file_id = {sql.text(file_id)}" if file_id else ""
        query = f"select row_number from read_parquet({sql.text(path)}) {of_file} order by row_number"
        return [number for (number,) in lake.execute(query).fetchall()]

    def number_of(record: FileRecord, position: int) -> int:
        if not record.rows_rejected:
            return record_number(position + 1, ())
        path = record.path(lake_dir, "rejects.parquet")
        return record_number(position + 1, rejected(path, record.file_id if record.compacted else None))

    return number_of


def _dicts(connection: duckdb.DuckDBPyConnection, query: str, parameters: dict[str, Any]) -> Rows:
    result = connection.execute(query, parameters)
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value
