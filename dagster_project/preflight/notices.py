"""What a night says first of all: figures mislead where deals stand in unnamed stages, or the data ends long ago."""

from __future__ import annotations

from datetime import UTC, datetime

import duckdb

from dagster_project.preflight.age import old_data
from dagster_project.preflight.unnamed import unnamed_in_build

_WHERE = ". `dealtrail config check` has the lines to add to pipeline.yml"
#: Columns that tell when something happened.
_HAPPENED = (
    ("fct_deals", "created_at"),
    ("fct_deals", "closed_at"),
    ("fct_leads", "created_at"),
    ("fct_activities", "completed_at"),
    ("fct_stage_transitions", "transitioned_at"),
)


def notices(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> list[str]:
    """The sentences for the top of the summary and of the report, from the marts of a build."""
    said = [one.says() + _WHERE for one in unnamed_in_build(connection) if one.is_loud]
    newest = newest_moment(connection, as_of)
    old = old_data(newest, as_of) if newest else None
    return [*said, *([old] if old else [])]


def newest_moment(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> datetime | None:
    """The newest moment that any record tells of, at most the run's."""
    moment = as_of.astimezone(UTC).replace(tzinfo=None)
    parts = " union all ".join(
        f"select max({column}) as moment from marts.{table} where {column} <= $as_of" for table, column in _HAPPENED
    )
    (newest,) = connection.execute(f"select max(moment) from ({parts})", {"as_of": moment}).fetchone() or (None,)
    return newest.replace(tzinfo=UTC) if newest else None
