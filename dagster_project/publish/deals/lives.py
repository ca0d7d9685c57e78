"""Deals' whole lives: each published value with the row and text it was read from, rows that newer ones replaced, the
history with its evidence, the rules that were broken, and what of its past is told otherwise than before.

Of many deals with the same queries as of one: a night asks for those of its worst.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.config.models import Configuration
from dagster_project.publish.origins.broken import by_key, restatements_of, unreadable_cells, violations_of
from dagster_project.publish.origins.rows import Row, Rows, dicts, rows_of
from dagster_project.publish.origins.values import Value, columns_of, plain, read_from

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
        said = plain(asdict(self))
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
    asked = {"keys": list(keys)}
    found = dicts(connection, "select * from marts.fct_deals where deal_key in (select unnest($keys))", asked)
    deals = {deal["deal_key"]: deal for deal in found}
    ids = {(deal["source"], deal["deal_id"]): key for key, deal in deals.items()}
    rows = rows_of(connection, config, lake_dir, "deals", ids, as_of)
    transitions = by_key(dicts(connection, _TRANSITIONS, {"keys": list(deals)}))
    changes = by_key(dicts(connection, _CHANGES, {"keys": list(deals)}))
    violations = violations_of(connection, "deals", list(deals))
    restatements = restatements_of(connection, "deals", list(deals))
    return [
        Life(
            key,
            deals[key]["source"],
            deals[key]["deal_id"],
            _values(deals[key], rows[key], transitions[key], violations[key]),
            rows[key],
            transitions[key],
            changes[key],
            violations[key],
            restatements[key],
        )
        for key in keys
        if key in deals
    ]


_TRANSITIONS = """
    select
        deal_key as key, transition_number, transitioned_at, from_stage, to_stage, direction, evidence, amount,
        owner_key
    from marts.fct_stage_transitions where deal_key in (select unnest($keys)) order by deal_key, transition_number
"""
_CHANGES = """
    select deal_key as key, changed_at, field, old_value, new_value, evidence
    from marts.fct_deal_changes
    where deal_key in (select unnest($keys)) and field != 'stage'
    order by deal_key, changed_at, field, change_number
"""


def _values(deal: dict[str, Any], rows: list[Row], transitions: Rows, violations: Rows) -> list[Value]:
    unreadable = unreadable_cells("deals", deal, violations)
    return [_value(column, value, rows, transitions, unreadable) for column, value in columns_of(deal).items()]


def _value(column: str, value: Any, rows: list[Row], transitions: Rows, unreadable: set[str]) -> Value:
    if value is None or column in _KEYS:
        return Value(column, value)
    given_by = GIVEN_BY.get(column)
    last = transitions[-1] if transitions else None
    if column in ("closed_at", "closed_on") and last is not None and last["evidence"] in ("logged", "versioned"):
        return Value(column, value, given_by=f"{given_by} ({last['evidence']})")
    one = Value(column, value, given_by=given_by)
    found = read_from(one, "deals", _canonical(column), rows, unreadable)
    stages = {transition[name] for transition in transitions for name in ("from_stage", "to_stage")}
    # a closed deal stands where it was closed, whatever open stage its row still names; an id names no stage
    return one if column == "stage" and found.text != value and found.text in stages else found


def _canonical(column: str) -> list[str]:
    """What a column can come from; a field of the configuration from its own."""
    return COMES_FROM.get(column, [] if column in GIVEN_BY else [column])
