"""`mart_win_probability`: Aalen-Johansen by age, in exact fractions (domain.md, What a careful analyst adds)."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from .deals import Deal

#: Of the standard normal, for 95 %.
Z = 1.959963984540054


def win_probability(deals: list[Deal]) -> list[dict[str, Any]]:
    """One row per source × pipeline × cohort × age met; deals are those that are not deleted."""
    cohorts: dict[tuple[str, str, date | None], list[tuple[int, str]]] = defaultdict(list)
    for deal in deals:
        if not deal.created_at_is_estimated:
            for month in (None, deal.created_on.replace(day=1)):
                cohorts[deal.source, deal.pipeline, month].append((_age(deal), deal.status))
    return [
        {
            "source": source,
            "pipeline": pipeline,
            "cohort": month.strftime("%Y-%m") if month else "all",
            "cohort_month": month,
            **row,
        }
        for (source, pipeline, month), cohort in cohorts.items()
        for row in _rows(cohort)
    ]


def _age(deal: Deal) -> int:
    """Days from creation to the closing transition, of an open deal to as-of; never less than none."""
    end = deal.closed_at or deal.crm.as_of
    return max((deal.crm.local_date(end) - deal.created_on).days, 0)


@dataclass
class Age:
    """What happened at one age, and what is known by it."""

    days: int
    at_risk: int
    counts: Counter[str]
    before: Fraction
    won: Fraction
    lost: Fraction

    @property
    def ended(self) -> int:
        """Deals won or lost at this age."""
        return self.counts["won"] + self.counts["lost"]


def _rows(cohort: list[tuple[int, str]]) -> Iterator[dict[str, Any]]:
    so_far: list[Age] = []
    survival, won, lost = Fraction(1), Fraction(0), Fraction(0)
    for days in sorted({age for age, _ in cohort}):
        at_risk = sum(age >= days for age, _ in cohort)
        counts = Counter(status for age, status in cohort if age == days)
        won += survival * Fraction(counts["won"], at_risk)
        lost += survival * Fraction(counts["lost"], at_risk)
        so_far.append(Age(days, at_risk, counts, survival, won, lost))
        survival *= 1 - Fraction(so_far[-1].ended, at_risk)
        low, high = _interval(so_far)
        yield {
            "age_days": days,
            "at_risk": at_risk,
            "won": counts["won"],
            "lost": counts["lost"],
            "censored": counts["open"],
            "won_probability": float(won),
            "won_probability_low": low,
            "won_probability_high": high,
            "lost_probability": float(lost),
            "open_probability": float(survival),
        }


def _interval(so_far: list[Age]) -> tuple[float | None, float | None]:
    """95 % by Greenwood's variance and the delta method on log(-log), as in Collett's textbook."""
    share = float(so_far[-1].won)
    if share in (0, 1):
        return None, None
    variance = 0.0
    for age in so_far:
        since, before = share - float(age.won), float(age.before)
        if age.ended < age.at_risk:
            variance += since**2 * age.ended / age.at_risk / (age.at_risk - age.ended)
        wins = age.counts["won"]
        variance += before**2 * wins * (age.at_risk - wins) / age.at_risk**3
        variance -= 2 * since * before * wins / age.at_risk**2
    width = Z * math.sqrt(variance) / (share * -math.log(share))
    middle = math.log(-math.log(share))
    return math.exp(-math.exp(middle + width)), math.exp(-math.exp(middle - width))
