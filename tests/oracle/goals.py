"""`mart_goals`: what the configuration wants of a month or a fiscal quarter, beside what it came to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any

from .configuration import Config, folded
from .crm import Crm
from .months import fiscal_quarter, quarter_end, quarter_start

Rows = list[dict[str, Any]]

COUNTS = ("opportunities_created", "deals_won", "deals_lost", "won_amount", "closing_amount", "entered", "advanced")
LESS_IS_BETTER = ("deals_lost", "sales_cycle_days", "drop_off_rate", "days_in_stage_median")
#: Of a mean or a rate: what is divided by what.
PARTS = {
    "win_rate": ("deals_won", ("deals_won", "deals_lost")),
    "avg_deal_size": ("won_amount", ("won_deals_with_amount",)),
}
KEY = ("period", "month", "source", "pipeline", "stage", "owner_key", "team", "goal")


def goals(
    config: Config,
    crms: list[Crm],
    owners: Rows,
    monthly_metrics: Rows,
    movements: Rows,
    stage_metrics: Rows,
    as_of_day: date,
) -> Rows:
    """One row per month or quarter and goal; of several for one the last in the file counts."""
    of_pipelines = {(row["month"], row["grain_value"]): row for row in monthly_metrics if row["grain"] == "pipeline"}
    amounts = {(row["month"], f"{row['source']}:{row['pipeline']}"): row for row in movements}
    of_stages = {(row["month"], row["source"], row["pipeline"], row["stage"]): row for row in stage_metrics}
    months = {row["month"]: row["is_complete_month"] for row in monthly_metrics}
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for goal in config.goals:
        pipeline, stage, owner_key = place_of(goal, crms, owners)
        for period, month in _periods(goal, months, config.fiscal_year_starts):
            key = (period, month, goal.get("source"), pipeline, stage, owner_key, goal.get("team"), goal["goal"])
            if stage:
                found: dict[str, Any] = of_stages.get((month, goal["source"], pipeline, stage), {})
            elif period == "month" and pipeline:
                place = (month, f"{goal['source']}:{pipeline}")
                found = (amounts if goal["goal"] == "closing_amount" else of_pipelines).get(place, {})
            else:
                values: set[str | None] = {f"{goal.get('source')}:{pipeline}" if pipeline else owner_key}
                if "team" in goal:
                    values = {row["owner_key"] for row in owners if row["team"] == goal["team"]}
                last = quarter_end(month, config.fiscal_year_starts) if period == "quarter" else month
                found = _added_up(monthly_metrics, "pipeline" if pipeline else "owner", values, month, last)
            actual = found.get(goal["goal"], 0 if goal["goal"] in COUNTS else None)
            target = float(goal["target"])
            is_over = (
                quarter_end(month, config.fiscal_year_starts) < as_of_day if period == "quarter" else months[month]
            )
            rows[key] = {
                **dict(zip(KEY, key, strict=True)),
                "target": target,
                "actual": None if actual is None else float(actual),
                "attainment": None if actual is None or not target else float(actual) / target,
                "is_more_better": goal["goal"] not in LESS_IS_BETTER,
                "is_complete_month": is_over,
            }
    return list(rows.values())


def place_of(goal: dict[str, str], crms: list[Crm], owners: Rows) -> tuple[str | None, str | None, str | None]:
    """Pipeline, stage and owner that a goal is of."""
    if "team" in goal:
        return None, None, None
    if "owner" in goal:
        of_source = [row for row in owners if row["source"] == goal["source"]]
        by_id = [row["owner_key"] for row in of_source if row["owner_id"] == goal["owner"]]
        by_name = sorted(row["owner_key"] for row in of_source if folded(row["owner_name"]) == folded(goal["owner"]))
        return None, None, next(iter(by_id + by_name), f"{goal['source']}:{goal['owner']}")
    pipelines = next(crm.pipelines for crm in crms if crm.source.name == goal["source"])
    pipeline = pipelines.pipeline(goal.get("pipeline"))
    return pipeline.name, pipeline.stage(goal["stage"]).name if "stage" in goal else None, None


def _periods(goal: dict[str, str], months: Iterable[date], fiscal_start: int) -> Iterator[tuple[str, date]]:
    if "quarter" in goal:
        for quarter in sorted({quarter_start(month, fiscal_start) for month in months}):
            year, number = fiscal_quarter(quarter, fiscal_start)
            if goal["quarter"] in ("every", f"{year}-Q{number}"):
                yield "quarter", quarter
        return
    first, _, last = goal.get("month", "every").partition("..")
    for month in months:
        if first == "every" or first <= f"{month:%Y-%m}" <= (last or first):
            yield "month", month


def _added_up(monthly_metrics: Rows, grain: str, values: set[str | None], first: date, last: date) -> dict[str, Any]:
    rows = [
        row
        for row in monthly_metrics
        if row["grain"] == grain and row["grain_value"] in values and first <= row["month"] < last + timedelta(days=1)
    ]
    sums = {name: sum(row[name] for row in rows) for name in (*COUNTS[:4], "won_deals_with_amount")}
    ratios: dict[str, Any] = {}
    for name, (part, whole) in PARTS.items():
        divisor = sum(sums[one] for one in whole)
        ratios[name] = float(sums[part]) / float(divisor) if divisor else None
    return sums | ratios
