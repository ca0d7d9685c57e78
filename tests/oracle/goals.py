"""`mart_goals`: what the configuration wants of a month, beside what it came to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from .crm import Crm

Rows = list[dict[str, Any]]

COUNTS = ("opportunities_created", "deals_won", "deals_lost", "won_amount", "closing_amount", "entered", "advanced")
LESS_IS_BETTER = ("deals_lost", "sales_cycle_days", "drop_off_rate", "days_in_stage_median")


def goals(
    wanted: Iterable[dict[str, str]], crms: list[Crm], monthly_metrics: Rows, movements: Rows, stage_metrics: Rows
) -> Rows:
    """One row per month and goal; of several for one month the last in the file counts."""
    pipelines = {crm.source.name: crm.pipelines for crm in crms}
    of_pipelines = {(row["month"], row["grain_value"]): row for row in monthly_metrics if row["grain"] == "pipeline"}
    amounts = {(row["month"], f"{row['source']}:{row['pipeline']}"): row for row in movements}
    of_stages = {(row["month"], row["source"], row["pipeline"], row["stage"]): row for row in stage_metrics}
    months = {row["month"]: row["is_complete_month"] for row in monthly_metrics}
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for goal in wanted:
        pipeline = pipelines[goal["source"]].pipeline(goal.get("pipeline"))
        stage = pipeline.stage(goal["stage"]).name if "stage" in goal else None
        for month in _months(goal.get("month", "every"), months):
            key = (month, goal["source"], pipeline.name, stage, goal["goal"])
            if stage:
                found = of_stages.get(key[:4], {})
            else:
                place = (month, f"{goal['source']}:{pipeline.name}")
                found = (amounts if goal["goal"] == "closing_amount" else of_pipelines).get(place, {})
            actual = found.get(goal["goal"], 0 if goal["goal"] in COUNTS else None)
            target = float(goal["target"])
            rows[key] = {
                **dict(zip(("month", "source", "pipeline", "stage", "goal"), key, strict=True)),
                "target": target,
                "actual": None if actual is None else float(actual),
                "attainment": None if actual is None or not target else float(actual) / target,
                "is_more_better": goal["goal"] not in LESS_IS_BETTER,
                "is_complete_month": months[month],
            }
    return list(rows.values())


def _months(said: str, months: Iterable[date]) -> Iterator[date]:
    first, _, last = said.partition("..")
    for month in months:
        if said == "every" or first <= f"{month:%Y-%m}" <= (last or first):
            yield month
