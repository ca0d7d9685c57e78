"""What is said of records beside their values: the rules they broke, and what of them changed past figures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import duckdb

from dagster_project.config.entities import ENTITIES
from dagster_project.publish.origins.rows import Rows, dicts, telling

# of a record itself, of a deal's transitions and visits, and of cells of its rows
_VIOLATIONS = """
    with subjects as (
        select key, $entity as entity, key as record_key from (select unnest($keys) as key)
        union all
        select deal_key, 'transitions', transition_key from marts.fct_stage_transitions
        where $entity = 'deals' and deal_key in (select unnest($keys))
        union all
        select deal_key, 'visits', visit_key from marts.fct_stage_visits
        where $entity = 'deals' and deal_key in (select unnest($keys))
    ),

    -- `<source>:<entity>:<id>:<column>`
    of_rows as (
        select
            concat(
                source, ':',
                regexp_replace(substr(record_key, length(source) + length(entity) + 3), ':[^:]*$', '')
            ) as key,
            *
        from quality.hygiene_violations
        where entity in (select unnest($telling))
          and starts_with(record_key, concat(source, ':', entity, ':'))
    ),

    found as (
        select subjects.key, violations.*
        from quality.hygiene_violations as violations
        inner join subjects
            on violations.entity = subjects.entity and violations.record_key = subjects.record_key
        union all
        select * from of_rows where key in (select unnest($keys))
    )

    select
        key, rule, severity, entity, record_key, message, observed, allowed, first_seen_on, last_seen_on, resolved_on
    from found order by key, resolved_on is not null, first_seen_on, rule, message
"""
_RESTATEMENTS = """
    select
        record_key as key, cause, field, before, now, file, row_number,
        min(month) as first_month, max(month) as last_month
    from quality.restatement_records
    where record_key in (select unnest($keys)) and entity = $entity and grain = 'all' and cause != 'several'
    group by record_key, cause, field, before, now, file, row_number order by record_key, cause, field
"""


def violations_of(connection: duckdb.DuckDBPyConnection, entity: str, keys: Sequence[str]) -> defaultdict[str, Rows]:
    """Record → what rules it and the cells of its rows break and broke, open ones first."""
    asked = {"entity": entity, "keys": list(keys), "telling": list(telling(entity))}
    return by_key(dicts(connection, _VIOLATIONS, asked))


def restatements_of(connection: duckdb.DuckDBPyConnection, entity: str, keys: Sequence[str]) -> defaultdict[str, Rows]:
    """Record → what of it changed figures of past months since the last publication."""
    return by_key(dicts(connection, _RESTATEMENTS, {"entity": entity, "keys": list(keys)}))


def unreadable_cells(entity: str, record: dict[str, Any], violations: Rows) -> set[str]:
    """The columns of a published record's row whose text gave no value, as the rule of it and the record itself say."""
    place = f"{record['source']}:{entity}:{record[ENTITIES[entity].key]}:"
    estimated = {"created_at"} if record.get("created_at_is_estimated") else set()
    return estimated | {
        one["record_key"].removeprefix(place)
        for one in violations
        if one["rule"] == "unparseable_value" and one["resolved_on"] is None and one["record_key"].startswith(place)
    }


def by_key(rows: Rows) -> defaultdict[str, Rows]:
    """By their column `key`, which they lose."""
    found: defaultdict[str, Rows] = defaultdict(list)
    for row in rows:
        found[row.pop("key")].append(row)
    return found
