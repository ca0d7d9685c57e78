"""`dealtrail trace deal <key>`: a deal's whole life, with the row and the text that each published value came from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb

from dagster_project import sql
from dagster_project.config.load import Settings
from dagster_project.errors import ConfigurationError
from dagster_project.lake.deliveries import select_deliveries
from dagster_project.lake.manifest import FileRecord, read_records
from dagster_project.transform.lake_views import entity_rows, readings_of, search_path

#: Published column → the canonical columns of a deal's row that it can come from, the first with a text first.
COMES_FROM = {
    "deal_name": ["deal_name"],
    "pipeline": ["pipeline"],
    "stage": ["stage"],
    "status": ["status", "is_won", "is_lost", "is_closed", "stage"],
    "owner_key": ["owner_id"],
    "account_key": ["account_id"],
    "lead_source": ["lead_source"],
    "amount": ["amount"],
    "currency": ["currency"],
    "amount_reporting": ["amount"],
    "created_at": ["created_at"],
    "expected_close_on": ["expected_close_on", "close_on"],
    "closed_on": ["closed_at", "won_at", "lost_at", "close_on"],
    "lost_reason": ["lost_reason"],
}
_HISTORY = ("deal_changes", "deal_versions")


@dataclass(frozen=True)
class Row:
    """A row that tells of the deal: where it stands, and what it says as it was written."""

    entity: str
    file: str
    row_number: int
    extracted_at: datetime
    state: str
    says: dict[str, str]
    #: Column → how the file writes it, where that is no standard form.
    read_as: dict[str, str]


@dataclass(frozen=True)
class Value:
    """A published value, and the text it was read from; without a row: what the history or other records give."""

    column: str
    value: Any
    text: str | None = None
    canonical: str | None = None
    read_as: str | None = None
    file: str | None = None
    row_number: int | None = None


@dataclass
class Life:
    """All of it."""

    deal_key: str
    values: list[Value]
    rows: list[Row] = field(default_factory=list)
    transitions: list[dict[str, Any]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    violations: list[dict[str, Any]] = field(default_factory=list)
    restatements: list[dict[str, Any]] = field(default_factory=list)

    @property
    def plain(self) -> dict[str, Any]:
        """As JSON takes it."""
        return _plain(asdict(self))


def life(connection: duckdb.DuckDBPyConnection, settings: Settings, key: str, as_of: datetime) -> Life:
    """The life of a published deal. Raises ConfigurationError where there is none of this key."""
    found = _dicts(connection, "select * from marts.fct_deals where deal_key = ? or deal_id = ?", [key, key])
    if not found:
        raise ConfigurationError(
            f"no deal '{key}' is published; a key is <source>:<id>, such as one that `dealtrail trace deals_won` lists"
        )
    if len(found) > 1:
        raise ConfigurationError(
            f"several sources have the deal '{key}': {', '.join(one['deal_key'] for one in found)}"
        )
    (deal,) = found
    rows = _rows(settings, deal["source"], deal["deal_id"], as_of)
    current = next((row for row in rows if row.entity == "deals" and row.state == "current"), None)
    of_deal = [deal["deal_key"]]
    return Life(
        deal["deal_key"],
        [_value(column, value, current) for column, value in deal.items()],
        rows,
        _dicts(
            connection,
            "select transition_number, transitioned_at, from_stage, to_stage, direction, evidence, amount, owner_key "
            "from marts.fct_stage_transitions where deal_key = ? order by transition_number",
            of_deal,
        ),
        _dicts(
            connection,
            "select changed_at, field, old_value, new_value, evidence from marts.fct_deal_changes "
            "where deal_key = ? and field != 'stage' order by changed_at, field, change_number",
            of_deal,
        ),
        _dicts(
            connection,
            "select rule, severity, message, first_seen_on, last_seen_on, resolved_on from quality.hygiene_violations "
            "where record_key = ? and entity = 'deals' order by first_seen_on, rule",
            of_deal,
        ),
        _dicts(
            connection,
            "select cause, field, before, now, file, row_number, min(month) as first_month, max(month) as last_month "
            "from quality.restatement_records "
            "where record_key = ? and entity = 'deals' and grain = 'all' and cause != 'several' "
            "group by cause, field, before, now, file, row_number order by cause, field",
            of_deal,
        ),
    )


def _value(column: str, value: Any, row: Row | None) -> Value:
    if row is None or value is None:
        return Value(column, value)
    canonical = next((one for one in COMES_FROM.get(column, []) if row.says.get(one) is not None), None)
    if canonical is None:
        return Value(column, value)
    return Value(column, value, row.says[canonical], canonical, row.read_as.get(canonical), row.file, row.row_number)


def _rows(settings: Settings, source: str, deal_id: str, as_of: datetime) -> list[Row]:
    """Every row of the lake that tells of the deal, oldest first, as of a moment."""
    lake_dir, config = settings.warehouse_dir / "lake", settings.config
    selected = [
        record
        for record in select_deliveries(
            read_records(lake_dir), config.sources, as_of, config.thresholds.min_volume_share
        )
        if record.state == "loaded" and record.source == source and record.entity in ("deals", *_HISTORY)
    ]
    by_id = {(record.feed, record.file_id): record for record in selected}
    rows: list[Row] = []
    with duckdb.connect() as connection:
        connection.execute("set file_search_path = ?", [search_path(lake_dir)])
        for entity in ("deals", *_HISTORY):
            records = [(record, readings_of(record, config)) for record in selected if record.entity == entity]
            relation = entity_rows(connection, entity, config.fields.get(entity, {}), records, lake_dir)
            for row in _dicts(
                connection,
                f"select * from ({relation}) where _source = ? and deal_id = ? "
                "order by _extracted_at, _file_id, _file_row_number",
                [source, deal_id],
            ):
                record = by_id[row["_feed"], row["_file_id"]]
                says = {name: value for name, value in row.items() if not name.startswith("_") and value is not None}
                read_as = {
                    name.removeprefix("_reading_"): value
                    for name, value in row.items()
                    if name.startswith("_reading_") and value is not None
                }
                number = _row_number(connection, record, row["_file_row_number"], settings)
                rows.append(Row(entity, record.file, number, row["_extracted_at"], "", says, read_as))
    newest = max((place for place, row in enumerate(rows) if row.entity == "deals"), default=None)
    states = ["current" if place == newest or row.entity != "deals" else "superseded" for place, row in enumerate(rows)]
    return [Row(**{**asdict(row), "state": state}) for row, state in zip(rows, states, strict=True)]


def _row_number(connection: duckdb.DuckDBPyConnection, record: FileRecord, position: int, settings: Settings) -> int:
    """The record's number in its file, heading 1: rows that the parser rejected before it count as well."""
    number = position + 2
    if record.rows_rejected:
        path = sql.text(record.path(settings.warehouse_dir / "lake", "rejects.parquet"))
        of_file = f"where _file_id = {sql.text(record.file_id)}" if record.compacted else ""
        for (rejected,) in connection.execute(
            f"select row_number from read_parquet({path}) {of_file} order by row_number"
        ).fetchall():
            number += rejected <= number
    return int(number)


def _dicts(connection: duckdb.DuckDBPyConnection, query: str, parameters: list[Any]) -> list[dict[str, Any]]:
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


def text(told: Life) -> Iterator[str]:
    """As a person reads it."""
    name = next(one.value for one in told.values if one.column == "deal_name")
    yield f"{told.deal_key}  {name or ''}"
    yield ""
    yield "published"
    width = max(len(one.column) for one in told.values)
    for one in told.values:
        if one.value is None:
            continue
        origin = ""
        if one.text is not None:
            how = f", read as {one.read_as}" if one.read_as else ""
            origin = f"  ← '{one.text}' ({one.canonical}{how}) {one.file}, row {one.row_number}"
        yield f"  {one.column:{width}}  {one.value}{origin}"
    yield from _listed("its history", told.transitions, _transition)
    yield from _listed("other changes", told.changes, _field_change)
    yield from _listed("rules that it broke", told.violations, _violation)
    yield from _listed(
        "changed since the last publication",
        told.restatements,
        lambda one: f"{one['cause']}: {_change(one['field'], one['before'], one['now'])}, in figures of {_months(one)}",
    )
    yield ""
    yield "rows"
    for row in told.rows:
        said = ", ".join(f"{column}: {value}" for column, value in row.says.items() if column != "deal_id")
        yield f"  {row.extracted_at}  {row.file}, row {row.row_number}  {row.entity}, {row.state}: {said}"


def _listed(title: str, rows: list[dict[str, Any]], line: Any) -> Iterator[str]:
    if rows:
        yield ""
        yield title
        yield from (f"  {line(one)}" for one in rows)


def _change(name: str, before: str | None, now: str | None) -> str:
    return f"{name} {before or 'none'} → {now or 'none'}"


def _field_change(one: dict[str, Any]) -> str:
    return f"{one['changed_at']}  {_change(one['field'], one['old_value'], one['new_value'])}  ({one['evidence']})"


def _months(one: dict[str, Any]) -> str:
    first, last = one["first_month"], one["last_month"]
    return f"{first:%Y-%m}" if first == last else f"{first:%Y-%m} to {last:%Y-%m}"


def _transition(one: dict[str, Any]) -> str:
    came = f"{one['from_stage']} → " if one["from_stage"] else ""
    return f"{one['transitioned_at']}  {one['direction']}: {came}{one['to_stage']}  ({one['evidence']})"


def _violation(one: dict[str, Any]) -> str:
    until = f"until {one['resolved_on']}" if one["resolved_on"] else "open"
    return f"{one['rule']} ({one['severity']}), since {one['first_seen_on']}, {until}: {one['message']}"
