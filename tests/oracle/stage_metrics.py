"""`mart_stage_metrics`: the visits to a stage that began in a month (metric 10), and how long they last."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date
from fractions import Fraction
from statistics import mean, median
from typing import Any

from .stages import Stage
from .visits import Visit


def stage_metrics(visits: Iterable[Visit]) -> list[dict[str, Any]]:
    """One row per month × source × pipeline × stage that was entered."""
    groups: dict[tuple[date, str, Stage], list[Visit]] = defaultdict(list)
    for visit in visits:
        groups[visit.entered_on.replace(day=1), visit.deal.source, visit.stage].append(visit)
    rows = [_row(month, source, stage, group) for (month, source, stage), group in groups.items()]
    return sorted(rows, key=lambda row: (row["source"], row["pipeline"], row["month"], row["stage_rank"]))


def _row(month: date, source: str, stage: Stage, visits: list[Visit]) -> dict[str, Any]:
    outcomes = Counter(visit.outcome for visit in visits)
    ended = [visit.days_in_stage for visit in visits if visit.outcome != "open"]
    curve = kaplan_meier([(visit.days_in_stage, visit.outcome != "open") for visit in visits])
    return {
        "month": month,
        "source": source,
        "pipeline": stage.pipeline,
        "stage": stage.name,
        "stage_rank": stage.rank,
        "entered": len(visits),
        **{outcome: outcomes[outcome] for outcome in ("advanced", "regressed", "lost", "open")},
        "drop_off_rate": outcomes["lost"] / len(ended) if ended else None,
        "conversion_rate": outcomes["advanced"] / len(ended) if ended else None,
        "days_in_stage_mean": float(mean(ended)) if ended else None,
        "days_in_stage_median": float(median(ended)) if ended else None,
        "days_in_stage_km_median": first_time_at_most(curve, Fraction(1, 2)),
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
