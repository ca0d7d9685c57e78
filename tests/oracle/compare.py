"""Where a published warehouse differs from the oracle, in sentences; the one module that reads DuckDB."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from . import Result, Rows

RELATIVE_TOLERANCE = 1e-9
DEAL_COLUMNS = [
    "pipeline",
    "stage",
    "canonical_stage",
    "status",
    "created_at",
    "created_at_is_estimated",
    "closed_at",
    "closed_on",
    "amount",
    "amount_reporting",
    "sales_cycle_days",
    "owner_key",
    "account_key",
    "lead_key",
    "lead_source",
    "is_qualified",
    "deal_name",
    "expected_close_on",
    "lost_reason",
    "close_date_pushes",
]
LEAD_COLUMNS = [
    "owner_key",
    "lead_source",
    "status",
    "created_at",
    "created_at_is_estimated",
    "is_converted",
    "first_response_at",
]
TRANSITION_COLUMNS = [
    "pipeline",
    "from_stage",
    "to_stage",
    "from_canonical_stage",
    "to_canonical_stage",
    "transitioned_at",
    "direction",
    "evidence",
]
VISIT_COLUMNS = [
    "deal_key",
    "pipeline",
    "stage",
    "canonical_stage",
    "entered_at",
    "exited_at",
    "days_in_stage",
    "outcome",
]
ACTIVITY_COLUMNS = ["deal_key", "lead_key", "completed_at"]
CHANGE_COLUMNS = ["deal_key", "field", "old_value", "new_value", "changed_at", "evidence"]
SNAPSHOT_COLUMNS = ["pipeline", "stage", "owner_key", "amount_reporting", "days_in_stage"]
CUSTOMER_MONTH_COLUMNS = [
    "source",
    "segment",
    "revenue_reporting",
    "is_active",
    "was_active_month_before",
    "is_churned",
]
DAILY_KEY = ["date_day", "source", "pipeline", "stage"]
MONTHLY_KEY = ["month", "grain", "grain_value"]
STAGE_KEY = ["source", "pipeline", "stage"]
FUNNEL_KEY = ["month", "source", "pipeline", "entity", "step"]
WIN_PROBABILITY_KEY = ["source", "pipeline", "cohort", "age_days"]
PIPELINE_KEY = ["month", "source", "pipeline"]
NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?")
#: Rule → which of its values is published with two decimals.
ROUNDED = {"unanswered_lead": "observed", "late_delivery": "observed", "amount_outlier": "allowed"}
VIOLATION_COLUMNS = ["rule", "record_key", "source", "pipeline", "owner_key", "observed", "allowed"]
FORECAST_KEY = ["forecast_on", "source", "pipeline", "month"]


class Cents(float):
    """What is published with two decimals: it may be rounded either way."""


def differences(result: Result, database: str | Path) -> list[str]:
    """Every difference in every table the oracle knows; none is an empty list."""
    checks: tuple[Callable[[Result, str | Path], list[str]], ...] = (
        deal_differences,
        lead_differences,
        transition_differences,
        visit_differences,
        activity_differences,
        change_differences,
        snapshot_differences,
        daily_differences,
        customer_month_differences,
        monthly_differences,
        stage_metric_differences,
        time_in_stage_differences,
        funnel_differences,
        win_probability_differences,
        movement_differences,
        flow_differences,
        slippage_differences,
        bottleneck_differences,
        goal_differences,
        forecast_differences,
        backtest_differences,
        violation_differences,
    )
    return [line for check in checks for line in check(result, database)]


def deal_differences(result: Result, database: str | Path) -> list[str]:
    """`fct_deals`, by deal."""
    return _table_differences(database, "fct_deals", ["deal_key"], DEAL_COLUMNS, result.deals)


def lead_differences(result: Result, database: str | Path) -> list[str]:
    """`fct_leads`, by lead."""
    return _table_differences(database, "fct_leads", ["lead_key"], LEAD_COLUMNS, result.leads)


def transition_differences(result: Result, database: str | Path) -> list[str]:
    """`fct_stage_transitions`, by deal and number."""
    key = ["deal_key", "transition_number"]
    return _table_differences(database, "fct_stage_transitions", key, TRANSITION_COLUMNS, result.transitions)


def visit_differences(result: Result, database: str | Path) -> list[str]:
    """`fct_stage_visits`, by all columns: a visit has no key that both sides know."""
    return _bag_differences(database, "fct_stage_visits", VISIT_COLUMNS, result.visits)


def activity_differences(result: Result, database: str | Path) -> list[str]:
    """`fct_activities`, by activity."""
    return _table_differences(database, "fct_activities", ["activity_key"], ACTIVITY_COLUMNS, result.activities)


def change_differences(result: Result, database: str | Path) -> list[str]:
    """`fct_deal_changes`, by all columns: several changes of one field may share a moment."""
    return _bag_differences(database, "fct_deal_changes", CHANGE_COLUMNS, result.changes)


def snapshot_differences(result: Result, database: str | Path) -> list[str]:
    """`fct_pipeline_snapshots`, by month-end and deal."""
    key = ["snapshot_on", "deal_key"]
    return _table_differences(database, "fct_pipeline_snapshots", key, SNAPSHOT_COLUMNS, result.snapshots)


def daily_differences(result: Result, database: str | Path) -> list[str]:
    """`mart_pipeline_daily`, every cell."""
    return _table_differences(database, "mart_pipeline_daily", DAILY_KEY, ["open_deals", "open_amount"], result.daily)


def customer_month_differences(result: Result, database: str | Path) -> list[str]:
    """`fct_customer_months`, by account and month."""
    key = ["account_key", "month"]
    return _table_differences(database, "fct_customer_months", key, CUSTOMER_MONTH_COLUMNS, result.customer_months)


def monthly_differences(result: Result, database: str | Path) -> list[str]:
    """`mart_monthly_metrics`, every cell of every grain."""
    return _whole_table(database, "mart_monthly_metrics", MONTHLY_KEY, result.monthly_metrics)


def stage_metric_differences(result: Result, database: str | Path) -> list[str]:
    """`mart_stage_metrics`, every cell of every month, visited or not."""
    return _table_of_stages(database, "mart_stage_metrics", ["month", *STAGE_KEY], result.stage_metrics)


def time_in_stage_differences(result: Result, database: str | Path) -> list[str]:
    """`mart_time_in_stage`, every cell but the median's interval."""
    return _table_of_stages(database, "mart_time_in_stage", STAGE_KEY, result.time_in_stage)


def funnel_differences(result: Result, database: str | Path) -> list[str]:
    """`mart_funnel`, every cell."""
    return _whole_table(database, "mart_funnel", FUNNEL_KEY, result.funnel)


def win_probability_differences(result: Result, database: str | Path) -> list[str]:
    """`mart_win_probability`, every cell."""
    return _whole_table(database, "mart_win_probability", WIN_PROBABILITY_KEY, result.win_probability)


def movement_differences(result: Result, database: str | Path) -> list[str]:
    """`mart_pipeline_movements`, every cell."""
    return _whole_table(database, "mart_pipeline_movements", PIPELINE_KEY, result.movements)


def flow_differences(result: Result, database: str | Path) -> list[str]:
    """`mart_stage_flow`, every cell."""
    key = [*PIPELINE_KEY, "from_stage", "to_stage"]
    return _whole_table(database, "mart_stage_flow", key, result.stage_flow)


def slippage_differences(result: Result, database: str | Path) -> list[str]:
    """`mart_close_date_slippage`, every cell."""
    return _whole_table(database, "mart_close_date_slippage", PIPELINE_KEY, result.close_date_slippage)


def bottleneck_differences(result: Result, database: str | Path) -> list[str]:
    """`mart_bottlenecks`, every cell."""
    return _whole_table(database, "mart_bottlenecks", ["month", *STAGE_KEY], result.bottlenecks)


def goal_differences(result: Result, database: str | Path) -> list[str]:
    """`mart_goals`, every cell."""
    return _whole_table(database, "mart_goals", ["month", *STAGE_KEY, "goal"], result.goals)


def forecast_differences(result: Result, database: str | Path) -> list[str]:
    """`mart_forecast`, every cell but what the CRM's own probabilities say."""
    return _forecast_differences(database, "mart_forecast", result.forecast, without="actual")


def backtest_differences(result: Result, database: str | Path) -> list[str]:
    """`mart_forecast_backtest`, likewise."""
    return _forecast_differences(database, "mart_forecast_backtest", result.forecast_backtest)


def violation_differences(result: Result, database: str | Path) -> list[str]:
    """What is broken now, rule by rule: `quality.hygiene_violations` without what is resolved.

    The oracle calls a transition by its deal and number, and compares numbers as numbers.
    """
    with duckdb.connect(str(database), read_only=True) as connection:
        names = dict(
            connection.execute(
                "select transition_key, concat(deal_key, '#', transition_number) from marts.fct_stage_transitions"
            ).fetchall()
        )
        found = connection.execute(
            f"select {', '.join(VIOLATION_COLUMNS)} from quality.hygiene_violations where resolved_on is null"
        ).fetchall()
    actual = [dict(zip(VIOLATION_COLUMNS, row, strict=True)) for row in found]
    for row in actual:
        row["record_key"] = names.get(row["record_key"], row["record_key"])
    mine, theirs = ([_bare_violation(row) for row in rows] for rows in (result.violations, actual))
    return _row_differences("hygiene_violations", ["rule", "record_key"], VIOLATION_COLUMNS[2:], mine, theirs)


def _bare_violation(row: dict[str, Any]) -> dict[str, Any]:
    """What is observed and allowed as it is meant; what is published with two decimals may be rounded either way."""
    bare = {name: _bare(row[name]) for name in ("observed", "allowed")}
    rounded = ROUNDED.get(row["rule"], "")
    if isinstance(bare.get(rounded), float):
        bare[rounded] = Cents(bare[rounded])
    return row | bare


def _bare(value: Any) -> Any:
    """A value as text; a number as it is meant, to the ninth digit."""
    if value is None:
        return None
    text = str(_plain(value))
    return float(f"{float(text):.9g}") if NUMBER.fullmatch(text) else text


def _forecast_differences(database: str | Path, table: str, expected: Rows, without: str = "-") -> list[str]:
    """Estimates are published to the cent."""
    columns = [one for row in expected[:1] for one in row if one not in FORECAST_KEY and not one.startswith(without)]
    cents = [{name: _to_the_cent(name, value) for name, value in row.items()} for row in expected]
    return _table_differences(database, table, FORECAST_KEY, columns, cents)


def _to_the_cent(name: str, value: Any) -> Any:
    is_money = isinstance(value, float) and (name.endswith("_amount") or name == "error")
    return Cents(value) if is_money else value


def _whole_table(database: str | Path, table: str, key: list[str], expected: Rows) -> list[str]:
    """A table by its key, in every column the oracle names."""
    columns = [column for column in expected[0] if column not in key] if expected else []
    return _table_differences(database, table, key, columns, expected)


def _table_of_stages(database: str | Path, table: str, key: list[str], expected: Rows) -> list[str]:
    """Every cell. Stages stand in the same order in each pipeline; the numbers themselves are the pipeline's own."""
    lines = _whole_table(
        database, table, key, [{name: row[name] for name in row if name != "stage_rank"} for row in expected]
    )
    actual, missing = _read(database, table, [*STAGE_KEY, "stage_order"])
    if missing:
        return lines + missing
    mine, theirs = _stage_orders(expected, "stage_rank"), _stage_orders(actual, "stage_order")
    return lines + [
        f"{table} orders the stages of {pipeline} as {theirs.get(pipeline)}, expected {stages}"
        for pipeline, stages in mine.items()
        if theirs.get(pipeline) != stages
    ]


def _stage_orders(rows: Rows, by: str) -> dict[tuple[str, str], list[str]]:
    orders: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        orders.setdefault((row["source"], row["pipeline"]), {})[row["stage"]] = row[by]
    return {pipeline: sorted(stages, key=stages.__getitem__) for pipeline, stages in orders.items()}


def _table_differences(
    database: str | Path, table: str, key: list[str], columns: list[str], expected: Rows
) -> list[str]:
    """A table by its key: rows only one side has, then cells that differ, then columns that are not there."""
    actual, missing = _read(database, table, [*key, *columns])
    if any(not set(key) <= row.keys() for row in actual[:1]):
        return missing
    present = [column for column in columns if not actual or column in actual[0]]
    return missing + _row_differences(table, key, present, expected, actual)


def _bag_differences(database: str | Path, table: str, columns: list[str], expected: Rows) -> list[str]:
    """A table as a multiset of rows."""
    actual, missing = _read(database, table, columns)
    if missing:
        return missing
    mine, theirs = (Counter(_cells(row, columns) for row in rows) for rows in (expected, actual))
    return [f"{table} lacks {_shown(cells)} × {count}" for cells, count in (mine - theirs).items()] + [
        f"{table} has {_shown(cells)} × {count}, not expected" for cells, count in (theirs - mine).items()
    ]


def _row_differences(table: str, key: list[str], columns: list[str], expected: Rows, actual: Rows) -> list[str]:
    lines = []
    mine, theirs = ({_cells(row, key): row for row in rows} for rows in (expected, actual))
    if len(theirs) < len(actual):
        lines.append(f"{table}: {len(actual) - len(theirs)} rows have a key that another row has, too")
    lines += [f"{table} lacks {_shown(one)}" for one in mine if one not in theirs]
    lines += [f"{table} has {_shown(one)}, not expected" for one in theirs if one not in mine]
    for one in (one for one in mine if one in theirs):
        for column in columns:
            wanted, found = _plain(mine[one][column]), _plain(theirs[one][column])
            if not _equal(wanted, found):
                lines.append(f"{table} {_shown(one)}: {column} is {_text(found)}, expected {_text(wanted)}")
    return lines


def _read(database: str | Path, table: str, columns: list[str]) -> tuple[Rows, list[str]]:
    """A mart's rows with those of the wanted columns it has, and a line for each that it has not."""
    with duckdb.connect(str(database), read_only=True) as connection:
        described = connection.execute(
            "select column_name from duckdb_columns() where schema_name = 'marts' and table_name = ?",
            [table],
        ).fetchall()
        present = {name for (name,) in described}
        if not present:
            return [], [f"there is no table marts.{table}"]
        wanted = [column for column in columns if column in present]
        names = ", ".join(f'"{column}"' for column in wanted)
        rows = connection.execute(f"select {names} from marts.{table}").fetchall()
    missing = [f"{table} has no column {column}" for column in columns if column not in present]
    return [dict(zip(wanted, row, strict=True)) for row in rows], missing


def _equal(wanted: Any, found: Any) -> bool:
    """Exact, but for floats."""
    if isinstance(wanted, Cents) and found is not None:
        return abs(wanted - float(found)) <= 0.0101
    if isinstance(wanted, float) or isinstance(found, float):
        if wanted is None or found is None:
            return wanted is found
        return math.isclose(float(wanted), float(found), rel_tol=RELATIVE_TOLERANCE, abs_tol=1e-12)
    return wanted == found and (wanted is None) == (found is None)


def _plain(value: Any) -> Any:
    """Moments as the warehouse stores them: UTC, without saying so."""
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value


def _cells(row: dict[str, Any], columns: Iterable[str]) -> tuple[Any, ...]:
    return tuple(_plain(row[column]) for column in columns)


def _shown(cells: tuple[Any, ...]) -> str:
    return "(" + ", ".join(_text(cell) for cell in cells) + ")"


def _text(value: Any) -> str:
    return "NULL" if value is None else str(value)
