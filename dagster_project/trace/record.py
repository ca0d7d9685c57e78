"""`dealtrail trace lead <key>` and the like: a record's published values with their texts, and all of its rows.

Deals are told with their histories (deal.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import duckdb

from dagster_project.config.entities import ENTITIES, HISTORY_ENTITIES
from dagster_project.config.load import Settings
from dagster_project.config.rules import KEYED_TABLES
from dagster_project.errors import ConfigurationError
from dagster_project.publish.origins.broken import restatements_of, unreadable_cells, violations_of
from dagster_project.publish.origins.rows import Row, Rows, dicts, rows_of
from dagster_project.publish.origins.values import Value, columns_of, plain, read_from
from dagster_project.trace.told import broken_and_restated, published, rows_of_it
from dagster_project.wording import near_name

#: What is typed → the entity, of records that are published and have a key.
KINDS = {"deal": "deals", "lead": "leads", "account": "accounts", "owner": "owners", "activity": "activities"}

#: Of many keys, those that are looked at closely for one that may have been meant.
_CLOSEST = 50
#: Entity → published column → the canonical columns it can come from, the first with a text first. Only where the text
#: says the value: what several columns or records decide together is in `_GIVEN_BY`.
_COMES_FROM = {
    "leads": {
        "owner_key": ["owner_id"],
        "lead_name": ["lead_name"],
        "company": ["company"],
        "email": ["email"],
        "lead_source": ["lead_source"],
        "status": ["status"],
        "converted_deal_key": ["converted_deal_id"],
        "created_at": ["created_at"],
        "created_on": ["created_at"],
        "converted_at": ["converted_at"],
    },
    "accounts": {"account_name": ["account_name"], "segment": ["segment"]},
    "owners": {
        "owner_name": ["owner_name", "owner_id"],
        "is_active": ["is_active"],
        "team": ["team"],
        "email": ["email"],
    },
    "activities": {
        "activity_type": ["activity_type"],
        "crm_activity_type": ["activity_type"],
        "direction": ["direction"],
        "deal_key": ["deal_id"],
        "lead_key": ["lead_id"],
        "account_key": ["account_id"],
        "owner_key": ["owner_id"],
        "due_at": ["due_at"],
        "completed_at": ["completed_at"],
        "is_done": ["is_done"],
    },
}
#: Of the others, and of those without a text, what gives them.
_GIVEN_BY = {
    "leads": {
        "is_converted": "its cells is_converted and status, and the deals that came of it",
        "is_closed": "its status, and whether it is converted",
        "converted_deal_key": "the deal that came of it",
        "created_at": "the earliest sign of it: its activities, its conversion or its first delivery",
        "created_on": "the earliest sign of it: its activities, its conversion or its first delivery",
        "created_at_is_estimated": "whether a delivery says when it was created",
        "first_response_at": "its activities",
        "last_activity_at": "its activities",
        "response_hours": "created_at and first_response_at",
        "is_answered_within_sla": "response_hours and lead_response_sla_hours",
        "is_unanswered": "created_at, first_response_at and lead_response_sla_hours",
    },
    "accounts": {"is_delivered": "whether a file of accounts has it"},
    "owners": {
        "owner_name": "the records that name it",
        "is_active": "no cell that says otherwise, or the owners of that name",
        "is_delivered": "whether a file of owners has its id or name",
        "team": "the configuration, or the owners of that name",
        "email": "the owners of that name",
    },
    "activities": {
        "deal_key": "the cells that name what it is about",
        "lead_key": "the cells that name what or whom it is about",
        "account_key": "the cells that name what it is about",
        "completed_at": "due_at, or the first delivery that calls it done",
        "is_done": "completed_at, or due_at of a feed that does not say what is done",
        "is_outbound_response": "activity_type and direction",
    },
}


@dataclass(frozen=True)
class Told:
    """All that is known of a record that is no deal. `values` is empty where it is not published: merged into another
    one, deleted, or gone from its extracts."""

    entity: str
    record_key: str
    source: str
    record_id: str
    values: list[Value]
    rows: list[Row]
    violations: Rows
    restatements: Rows

    @property
    def plain(self) -> dict[str, Any]:
        """As JSON takes it."""
        said = plain(asdict(self))
        assert isinstance(said, dict)
        return said


def key_of(connection: duckdb.DuckDBPyConnection, kind: str, key: str) -> str | None:
    """The key of a published record that is named by its key, or by its id where one source alone has it; else None.

    Raises ConfigurationError where several sources have the id.
    """
    table, key_column = _table(KINDS[kind])
    asked = f"select {key_column} from {table} where {key_column} = $said or {ENTITIES[KINDS[kind]].key} = $said"
    found = sorted(row[0] for row in connection.execute(asked, {"said": key}).fetchall())
    if key in found:
        return key
    if len(found) > 1:
        raise ConfigurationError(f"several sources have the {kind} '{key}': {', '.join(found)}")
    return found[0] if found else None


def record(connection: duckdb.DuckDBPyConnection, settings: Settings, kind: str, key: str, as_of: datetime) -> Told:
    """A record that is published, or of which rows tell. Raises ConfigurationError where there is none of it."""
    found = told(connection, settings, KINDS[kind], [key_of(connection, kind, key) or key], as_of)
    if not found:
        raise ConfigurationError(no_record(connection, kind, key))
    return found[0]


def told(
    connection: duckdb.DuckDBPyConnection, settings: Settings, entity: str, keys: Sequence[str], as_of: datetime
) -> list[Told]:
    """What is known of records with these keys, in their order, with the same queries as of one; one that is not
    published, and of which no row of the lake tells, is left out."""
    table, key_column = _table(entity)
    asked = f"select * from {table} where {key_column} in (select unnest($keys))"
    found = {one[key_column]: one for one in dicts(connection, asked, {"keys": list(keys)})}
    named = {key: (source, record_id) for key in keys for source, _, record_id in [key.partition(":")]}
    named |= {key: (one["source"], one[ENTITIES[entity].key]) for key, one in found.items()}
    lake_dir, by_id = settings.warehouse_dir / "lake", {place: key for key, place in named.items()}
    rows = rows_of(connection, settings.config, lake_dir, entity, by_id, as_of)
    violations = violations_of(connection, entity, keys)
    restatements = restatements_of(connection, entity, keys)
    return [
        Told(
            entity,
            key,
            *named[key],
            _values(entity, found[key], rows[key], violations[key]) if key in found else [],
            rows[key],
            violations[key],
            restatements[key],
        )
        for key in keys
        if key in found or rows[key]
    ]


def no_record(connection: duckdb.DuckDBPyConnection, kind: str, key: str) -> str:
    """What to say of a key that nothing is known of: what there is."""
    table, key_column = _table(KINDS[kind])
    (some,) = connection.execute(f"select min({key_column}) from {table}").fetchone() or (None,)
    if some is None:
        return f"no {kind} '{key}' is published, and no other {kind} either"
    near = near_key(connection, table, key_column if ":" in key else ENTITIES[KINDS[kind]].key, key)
    meant = f"; did you mean '{near}'?" if near else ""
    return f"no {kind} '{key}' is published{meant}; a key is <source>:<id>, such as {some}"


def near_key(connection: duckdb.DuckDBPyConnection, relation: str, column: str, said: str) -> str | None:
    """The key that was probably meant, of however many."""
    closest = (
        f"select {column} from {relation} group by 1 "
        f"order by jaro_winkler_similarity({column}, $said) desc, 1 limit {_CLOSEST}"
    )
    return near_name(said, [row[0] for row in connection.execute(closest, {"said": said}).fetchall()])


def no_kind(what: str, key: str) -> str:
    """What to say where something is named by a key that has none: which kinds of record do."""
    kinds = ", ".join([*KINDS, "violation"])
    if re.fullmatch(r"\d{4}-\d\d", key):
        return f"trace {what} {key}: a month is --month {key}; by a key are named: {kinds}"
    if what in HISTORY_ENTITIES:
        return f"trace {what}: its rows are told with their deal, as `trace deal <key>`"
    if what in ENTITIES and what not in KINDS.values():
        return f"trace {what}: its rows have no key of their own by which they could be named; these have: {kinds}"
    near = near_name(what, [*KINDS, *KINDS.values(), "violation"])
    meant = {entity: kind for kind, entity in KINDS.items()}.get(near or "", near)
    return f"trace {what}: by a key are named: {kinds}{f'; did you mean {meant}?' if meant else ''}"


def text(one: Told) -> Iterator[str]:
    """As a person reads it."""
    called = {value.column: value.value for value in one.values}.get(ENTITIES[one.entity].name)
    yield f"{one.record_key}  {called or ''}".rstrip()
    yield ""
    if one.values:
        yield from published(one.values)
    else:
        yield "not published: merged into another one, deleted, or gone from the extracts"
    yield from broken_and_restated(one.violations, one.restatements)
    yield ""
    if one.rows:
        yield from rows_of_it(one.rows, ENTITIES[one.entity].key)
    else:
        yield f"no row of {one.entity} has this id: other records name it so"


def _table(entity: str) -> tuple[str, str]:
    """The published table of an entity, and its key."""
    return next((table, key) for table, (of, key) in KEYED_TABLES.items() if of == entity)


def _values(entity: str, of_table: dict[str, Any], rows: list[Row], violations: Rows) -> list[Value]:
    unreadable = unreadable_cells(entity, of_table, violations)
    return [
        _value(entity, of_table["source"], column, value, rows, unreadable)
        for column, value in columns_of(of_table).items()
    ]


def _value(entity: str, source: str, column: str, value: Any, rows: list[Row], unreadable: set[str]) -> Value:
    if value is None or column in ("source", ENTITIES[entity].key, _table(entity)[1]):
        return Value(column, value)
    given_by = _GIVEN_BY[entity].get(column)
    # a field of the configuration comes from its own
    canonical = _COMES_FROM[entity].get(column, [] if given_by else [column])
    one = Value(column, value, given_by=given_by)
    found = read_from(one, entity, canonical, rows, unreadable)
    # a record that another one was merged into, or that another cell names
    is_other = column.endswith("_key") and str(value).removeprefix(f"{source}:") not in (found.text or "")
    return one if is_other else found
