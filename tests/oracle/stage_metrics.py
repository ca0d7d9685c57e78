"""`mart_stage_metrics` and `mart_time_in_stage`: visits by the month they began (metric 10) and over all history."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date
from fractions import Fraction
from statistics import mean, median
from typing import Any

from .crm import Crm
from .stages import Stage
from .visits import Visit


def stage_metrics(crms: list[Crm], visits: Iterable[Visit], months: Iterable[date]) -> list[dict[str, Any]]:
    """One row per month × open stage of every pipeline, entered in that month or not."""
    groups: dict[tuple[date, Stage], list[Visit]] = defaultdict(list)
    for visit in visits:
        groups[visit.entered_on.replace(day=1), visit.stage].append(visit)
    return [
        {"month": month, **_stage(crm, stage), **_outcomes(groups[month, stage]), **_days(groups[month, stage])}
        for month in months
        for crm in crms
        for stage in _open_stages(crm)
    ]


def time_in_stage(crms: list[Crm], visits: Iterable[Visit]) -> list[dict[str, Any]]:
    """One row per open stage of every pipeline."""
    groups: dict[Stage, list[Visit]] = defaultdict(list)
    for visit in visits:
        groups[visit.stage].append(visit)
    return [
        {
            **_stage(crm, stage),
            "visits": len(groups[stage]),
            "ended": sum(visit.outcome != "open" for visit in groups[stage]),
            "open": sum(visit.outcome == "open" for visit in groups[stage]),
            **_days(groups[stage]),
        }
        for crm in crms
        for stage in _open_stages(crm)
    ]


def _open_stages(crm: Crm) -> list[Stage]:
    return [stage for pipeline in crm.pipelines.all() for stage in pipeline.open_stages()]


def _stage(crm: Crm, stage: Stage) -> dict[str, Any]:
    return {
        "source": crm.source.name,
        "pipeline": stage.pipeline,
        "stage": stage.name,
        "stage_rank": stage.rank,
        "canonical_stage": stage.canonical,
    }


def _outcomes(visits: list[Visit]) -> dict[str, Any]:
    outcomes = Counter(visit.outcome for visit in visits)
    ended = len(visits) - outcomes["open"]
    return {
        "entered": len(visits),
        **{outcome: outcomes[outcome] for outcome in ("advanced", "regressed", "lost", "open")},
        "drop_off_rate": outcomes["lost"] / ended if ended else None,
        "conversion_rate": outcomes["advanced"] / ended if ended else None,
    }


def _days(visits: list[Visit]) -> dict[str, Any]:
    ended = [visit.days_in_stage for visit in visits if visit.outcome != "open"]
    curve = kaplan_meier([(visit.days_in_stage, visit.outcome != "open") for visit in visits])
    return {
        "days_in_stage_mean": float(mean(ended)) if ended else None,
        "days_in_stage_median": float(median(ended)) if ended else None,
        "days_in_stage_km_median": first_time_at_most(curve, Fraction(1, 2)),
        "days_in_stage_km_p75": first_time_at_most(curve, Fraction(1, 4)),
        "days_in_stage_km_p90": first_time_at_most(curve, Fraction(1, 10)),
    }


def kaplan_meier(spells: Iterable[tuple[int, bool]]) -> list[tuple[int, Fraction]]:
    """(day, S(day)) at each day with an event, exact; spells are (days, ended), not ended = censored.

    A spell censored on a day is still at risk on it.
    """
    spells = list(spells)
    survival, curve = Fraction(1), []
    for day in sorted({days for days, ended in spells if ended}):
        at_risk = sum(days >= day for days, _ in spells)
        events = sum(days == day and ended for days, ended in spells)
        survival *= Fraction(at_risk - events, at_risk)
        curve.append((day, survival))
    return curve


def first_time_at_most(curve: list[tuple[int, Fraction]], share: Fraction) -> float | None:
    """The smallest t with S(t) <= share; None if never reached."""
    return next((float(day) for day, survival in curve if survival <= share), None)
