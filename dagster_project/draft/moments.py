"""When something last happened in the files of a draft: the newest moment that its trial read, not after now."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

import duckdb

from dagster_project.config.feeds import Source
from dagster_project.config.stages import normalized
from dagster_project.draft.command import Attempt
from dagster_project.draft.figures import known_stages
from dagster_project.draft.trial import Trial
from dagster_project.read import date_order, typed_columns
from dagster_project.sql import text

#: Columns that tell of something that happened. When a deal should close, or a task is due, is none.
_HAPPENED = ("created_at", "closed_at", "won_at", "lost_at", "converted_at", "completed_at", "changed_at", "version_at")
_LAST_SECOND = time(23, 59, 59)


def newest_moment(attempt: Attempt, zone: ZoneInfo, now: datetime) -> datetime | None:
    """The newest moment of any feed, at most now; a day without a time counts to its end. None where there is none."""
    return newest_of_trials(attempt.connection, attempt.source(), attempt.draft.trials, zone, now)


def newest_of_trials(
    connection: duckdb.DuckDBPyConnection, source: Source, trials: dict[str, Trial], zone: ZoneInfo, now: datetime
) -> datetime | None:
    """The same of any trial of a source's feeds."""
    found: list[datetime] = []
    for feed, trial in trials.items():
        for path in trial.files:
            scan = f"read_parquet({text(str(path))})"
            columns = [name for (name, *_) in connection.execute(f"describe from {scan}").fetchall()]
            closed = _closed(connection, source, scan, columns) if source.feeds[feed].entity == "deals" else "false"
            cells = [(column, "true") for column in _HAPPENED if column in columns]
            cells += [("close_on", closed)] if "close_on" in columns else []
            formats = typed_columns.configured_formats(source, source.feeds[feed])
            for column, condition in cells:
                read = date_order.moment(column, trial.readings.get(column), formats)
                row = connection.execute(
                    f"select max(moment) from (select {read} as moment from {scan} where {condition}) "
                    "where moment <= ?",
                    [now.astimezone(zone).replace(tzinfo=None)],
                ).fetchone()
                if row and row[0] is not None:
                    found.append(row[0])
    if not found:
        return None
    newest = max(found)
    if newest.time() == time():
        newest = datetime.combine(newest.date(), _LAST_SECOND)
    return min(newest.replace(tzinfo=zone), now)


def _closed(connection: duckdb.DuckDBPyConnection, source: Source, scan: str, columns: list[str]) -> str:
    """SQL: whether a deal's row says that it is won or lost."""
    ways = ["lower(status) in ('won', 'lost')"] if "status" in columns else []
    if "stage" in columns:
        ends = {key for key, stage in known_stages(source).items() if stage.is_won or stage.is_lost}
        names = connection.execute(f"select distinct stage from {scan} where stage is not null").fetchall()
        listed = ", ".join(text(name) for (name,) in names if normalized(name) in ends)
        ways += [f"stage in ({listed})"] if listed else []
    return " or ".join(ways) or "false"
