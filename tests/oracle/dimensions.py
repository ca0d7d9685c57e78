"""`dim_stages` and `dim_dates`."""

from __future__ import annotations

from calendar import day_name, month_name, monthrange
from collections import defaultdict
from datetime import date, timedelta
from typing import Any

from .cells import UNTOLD
from .configuration import Config
from .crm import Crm
from .months import fiscal_quarter, next_month, quarter_end, quarter_start
from .stages import DEFAULT_PIPELINE, Pipeline, Stage

Rows = list[dict[str, Any]]
#: Implicit stage of a pipeline nobody configured → how surely a deal in it is won.
IMPLICIT_ODDS = {"won": 1.0, "lost": 0.0}


def stage_rows(crm: Crm) -> Rows:
    """Configured, met, and the implicit `Won` and `Lost`."""
    return [
        {
            "source": crm.source.name,
            "pipeline": pipeline.name,
            "stage": stage.name,
            "stage_rank": stage.rank,
            "stage_order": order if order is not None and crm.pipelines.is_configured(pipeline.name) else UNTOLD,
            "canonical_stage": stage.canonical,
            "canonical_order": stage.canonical_order,
            "is_qualified": stage.outcome == "won" or pipeline.is_qualifying(stage),
            "is_won": stage.outcome == "won",
            "is_lost": stage.outcome == "lost",
            "is_mandatory": stage.is_mandatory,
            "win_probability": stage_odds(crm, stage),
            "is_configured": stage.is_configured and not _is_nobodys(crm, stage),
        }
        for pipeline in crm.pipelines.all()
        for stage, order in _ordered(pipeline)
    ]


def _is_nobodys(crm: Crm, stage: Stage) -> bool:
    """An implicit `Won` or `Lost` of a pipeline that is met beside those that are configured."""
    is_only = not crm.source.pipelines and stage.pipeline == DEFAULT_PIPELINE
    return stage.rank[0] == 10**7 and not crm.pipelines.is_configured(stage.pipeline) and not is_only


def stage_odds(crm: Crm, stage: Stage) -> Any:
    """How surely a deal in it is won, as configured."""
    if _is_nobodys(crm, stage):
        return IMPLICIT_ODDS[stage.outcome or ""]
    return stage.win_probability if stage.is_configured else None


def with_canonical(rows: Rows, canonical: dict[tuple[str, str, str], str]) -> Rows:
    """Rows of stages with the canonical ones; none where the stage is unknown."""
    return [row | {"canonical_stage": canonical.get((row["source"], row["pipeline"], row["stage"]))} for row in rows]


def _ordered(pipeline: Pipeline) -> list[tuple[Stage, float | None]]:
    """From 1; unconfigured stages part the way to the next one evenly; None where no place is told."""
    stages = sorted({*pipeline.stages.values(), *(pipeline.implicit(one) for one in ("won", "lost"))}, key=_rank)
    between: dict[int, list[Stage]] = defaultdict(list)
    for stage in stages:
        if not stage.is_configured:
            between[stage.rank[0]].append(stage)
    last = max((stage.rank[0] for stage in stages if stage.is_configured and stage.rank[0] < 10**6), default=0)
    orders: list[tuple[Stage, float | None]] = []
    for stage in stages:
        whole = stage.rank[0]
        if not stage.is_configured and whole < 10**6:
            siblings = between[whole]
            orders.append((stage, whole + (siblings.index(stage) + 1) / (len(siblings) + 1)))
        elif whole >= 10**6:
            orders.append((stage, None))
        else:
            orders.append((stage, float(whole)))
    implicit = [stage for stage, order in orders if order is None and stage.is_configured]
    return [(stage, float(last + 1 + implicit.index(stage)) if stage in implicit else order) for stage, order in orders]


def _rank(stage: Stage) -> tuple[int, int, str]:
    return stage.rank


def date_rows(days: list[date], as_of_day: date, config: Config) -> Rows:
    """Every day of the fiscal quarters from the first of these days to the last, and to six months ahead."""
    bounded = [max(day, config.history_starts_on) for day in [*days, as_of_day]]
    ahead = [min(day, _years_later(as_of_day, 10)) for day in [*days, _months_later(as_of_day, 6)]]
    day = quarter_start(min(bounded), config.fiscal_year_starts)
    last = quarter_end(max(ahead), config.fiscal_year_starts)
    rows = []
    while day <= last:
        month = day.replace(day=1)
        first, end = (one(day, config.fiscal_year_starts) for one in (quarter_start, quarter_end))
        iso_year, iso_week, weekday = day.isocalendar()
        rows.append(
            {
                "date_day": day,
                "month": month,
                "year": day.year,
                "quarter": (day.month + 2) // 3,
                "day_of_week": weekday,
                "is_weekend": weekday > 5,
                "is_complete_month": next_month(month) <= as_of_day,
                "month_name": month_name[day.month],
                "day_name": day_name[weekday - 1],
                "week": day - timedelta(days=weekday - 1),
                "iso_week": iso_week,
                "iso_year": iso_year,
                "fiscal_year": fiscal_quarter(day, config.fiscal_year_starts)[0],
                "fiscal_quarter": fiscal_quarter(day, config.fiscal_year_starts)[1],
                "quarter_start": first,
                "quarter_end": end,
            }
        )
        day += timedelta(days=1)
    return rows


def _years_later(day: date, years: int) -> date:
    return date(day.year + years, day.month, min(day.day, monthrange(day.year + years, day.month)[1]))


def _months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
