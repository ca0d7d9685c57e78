"""What a person recognises of their deals: stages, what was won, first and last days; a wrong mapping shows in them.

The figures are those of the draft's trial: the rows that a run would load, read as it would read them.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from dagster_project.config.entities import ENTITIES
from dagster_project.config.feeds import Source
from dagster_project.config.models import Configuration
from dagster_project.config.stages import ConfiguredStage, configured_stages, normalized, stage_aliases
from dagster_project.draft.trial import Trial
from dagster_project.read import date_order, legible, typed_columns
from dagster_project.sql import text
from dagster_project.wording import counted

_SHOWN_STAGES = 12
_CLOSING = ("closed_at", "close_on", "won_at", "lost_at", "expected_close_on")


def figures(connection: duckdb.DuckDBPyConnection, source: Source, trials: dict[str, Trial]) -> list[str]:
    """Lines for the terminal, of the feed of deals with most rows; of no deals one line that says so."""
    of_deals = {name: trial for name, trial in trials.items() if source.feeds[name].entity == "deals" and trial.loaded}
    left_out = _left_out(connection, source, trials)
    if not of_deals:
        return ["no rows of deals could be read", *left_out]
    name = max(of_deals, key=lambda each: of_deals[each].loaded)
    trial = of_deals[name]
    columns = _read(connection, trial.files)
    lines = _stages(connection, source, columns)
    sign = typed_columns.configured_sign(source, source.feeds[name]) or trial.readings.get("amount")
    lines += _won(connection, source, columns, sign)
    formats = typed_columns.configured_formats(source, source.feeds[name])
    days = [_days(connection, "created", ("created_at",), columns, trial.readings, formats)]
    days.append(_days(connection, "closing", _CLOSING, columns, trial.readings, formats))
    if any(days):
        lines.append("; ".join(each for each in days if each))
    if "owner_id" in columns:
        (owners,) = connection.execute("select count(distinct owner_id) from deals_seen").fetchone() or (0,)
        lines.append(f"owners: {owners:,}")
    lines += [f"{column}: {cells.says()}" for column, cells in trial.unread.items() if column not in trial.unreadable]
    return lines + left_out


def _read(connection: duckdb.DuckDBPyConnection, files: list[Path]) -> list[str]:
    """`deals_seen`: of each id the last row; returns its columns."""
    listed = ", ".join(text(str(path)) for path in files)
    connection.execute(
        f"""
        create or replace temp table deals_seen as
        select * from read_parquet([{listed}], union_by_name = true, filename = true, file_row_number = true)
        where deal_id is not null
        qualify row_number() over (partition by deal_id order by filename desc, file_row_number desc) = 1
        """
    )
    return [row[0] for row in connection.execute("describe deals_seen").fetchall()]


def _stages(connection: duckdb.DuckDBPyConnection, source: Source, columns: list[str]) -> list[str]:
    (deals,) = connection.execute("select count(*) from deals_seen").fetchone() or (0,)
    if "stage" not in columns:
        return [f"{counted(deals, 'deal')}, without stages"]
    counts = connection.execute(
        "select coalesce(stage, '(none)'), count(*) from deals_seen group by stage order by min(file_row_number)"
    ).fetchall()
    orders = {key: stage.stage_order for key, stage in known_stages(source).items()}
    counts.sort(key=lambda each: orders.get(normalized(each[0]), 0.0))
    said = ", ".join(f"{stage} {count:,}" for stage, count in counts[:_SHOWN_STAGES])
    more = f" and {len(counts) - _SHOWN_STAGES} more stages" if len(counts) > _SHOWN_STAGES else ""
    return [f"{counted(deals, 'deal')} by stage: {said}{more}"]


def _won(connection: duckdb.DuckDBPyConnection, source: Source, columns: list[str], sign: str | None) -> list[str]:
    won = [key for key, stage in known_stages(source).items() if stage.is_won]
    conditions = []
    if "stage" in columns and won:
        names = connection.execute("select distinct stage from deals_seen where stage is not null").fetchall()
        listed = ", ".join(text(name) for (name,) in names if normalized(name) in won)
        conditions += [f"stage in ({listed})"] if listed else []
    if "status" in columns:
        conditions.append("lower(status) = 'won'")
    if not conditions:
        return ["won: none, for no stage and no status is called so"]
    bare = "regexp_replace(amount, '[^0-9.,-]', '', 'g')"
    plain = f"replace({bare}, ',', '')" if sign != "comma" else f"replace(replace({bare}, '.', ''), ',', '.')"
    # `12k` is not 12
    readable = legible.is_amount("amount", sign)
    amount = (
        f"sum(case when {readable} then try_cast({plain} as decimal(18, 2)) end)" if "amount" in columns else "null"
    )
    currency = "coalesce(upper(currency), ?)" if "currency" in columns else "?"
    rows = connection.execute(
        f"select {currency} as code, count(*), {amount} from deals_seen where {' or '.join(conditions)} "
        "group by code order by count(*) desc, code",
        [source.currency],
    ).fetchall()
    deals = sum(count for _, count, _ in rows)
    amounts = ", ".join(f"{total:,.2f} {code}" for code, _, total in rows if total is not None)
    return [f"won: {counted(deals, 'deal')}" + (f", {amounts}" if amounts else "")]


def _days(
    connection: duckdb.DuckDBPyConnection,
    said: str,
    candidates: tuple[str, ...],
    columns: list[str],
    readings: dict[str, str],
    formats: list[str],
) -> str | None:
    """The first and the last day of the first of these columns that has any."""
    for column in candidates:
        if column not in columns:
            continue
        read = date_order.moment(column, readings.get(column), formats)
        first, last = connection.execute(
            f"select strftime(min({read}), '%Y-%m-%d'), strftime(max({read}), '%Y-%m-%d') from deals_seen"
        ).fetchone() or (None, None)
        if first:
            return f"{said} from {first} to {last}"
    return None


def _left_out(connection: duckdb.DuckDBPyConnection, source: Source, trials: dict[str, Trial]) -> list[str]:
    """Rows that a run would reject, or put into quarantine for want of an id."""
    parts = []
    rejected = sum(trial.rejected for trial in trials.values())
    if rejected:
        parts.append(f"{counted(rejected, 'row')} rejected")
    for name, trial in trials.items():
        key = ENTITIES[source.feeds[name].entity].key
        if not trial.files:
            continue
        listed = ", ".join(text(str(path)) for path in trial.files)
        (without,) = connection.execute(
            f"select count(*) - count({key}) from read_parquet([{listed}], union_by_name = true)"
        ).fetchone() or (0,)
        if without:
            parts.append(f"{counted(without, 'row')} without {key}")
    return [f"left out: {', '.join(parts)}"] if parts else []


def known_stages(source: Source) -> dict[str, ConfiguredStage]:
    """Stages by their names and aliases, as keys."""
    config = Configuration(timezone="UTC", currency="EUR", sources=[source])
    by_key = {(stage.pipeline_key, stage.stage_key): stage for stage in configured_stages(config)}
    known = {stage.stage_key: stage for stage in by_key.values()}
    for (_, pipeline_key, alias_key), stage_key in stage_aliases(config).items():
        known.setdefault(alias_key, by_key[pipeline_key, stage_key])
    return known
