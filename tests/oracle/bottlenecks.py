"""`mart_bottlenecks`: the stages in which the open pipeline spends its days, and out of which it loses its money."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from .months import next_month
from .movements import Months, Turn
from .open_pipeline import Stay

Rows = list[dict[str, Any]]
Key = tuple[date, str, str, str | None]


def bottlenecks(stays: list[Stay], turns: list[Turn], months: Months) -> Rows:
    """One row per month × source × pipeline × stage with open deals or losses; of deals that are not deleted."""
    days: dict[Key, int] = defaultdict(int)
    days_of_lost: dict[Key, int] = defaultdict(int)
    lost: dict[Key, list[Decimal]] = defaultdict(list)
    for stay in stays:
        for month, number in _days_by_month(stay).items():
            key = (month, stay.deal.source, stay.pipeline, stay.stage)
            days[key] += number
            days_of_lost[key] += number if stay.deal.status == "lost" else 0
    for turn in turns:
        if turn.kind == "lost":
            pipeline, stage = (turn.left.pipeline, turn.left.name) if turn.left else (turn.deal.pipeline, None)
            lost[turn.on.replace(day=1), turn.deal.source, pipeline, stage].append(turn.amount)
    rows = []
    for key in dict.fromkeys([*days, *lost]):
        siblings = [other for other in {*days, *lost} if other[:3] == key[:3]]
        all_days = {other: days[other] for other in siblings}
        all_lost = {other: sum(lost[other], Decimal(0)) for other in siblings}
        rows.append(
            {
                **dict(zip(("month", "source", "pipeline", "stage"), key, strict=True)),
                "is_complete_month": months[key[0]],
                "deal_days": days[key],
                "deal_days_of_lost": days_of_lost[key],
                "lost_deals": len(lost[key]),
                "lost_amount": all_lost[key],
                "share_of_days": _share(all_days, key),
                "share_of_lost_amount": _share(all_lost, key),
                "rank_by_days": _rank(all_days, key),
                "rank_by_lost_amount": _rank(all_lost, key),
            }
        )
    return rows


def _days_by_month(stay: Stay) -> dict[date, int]:
    by_month, first = {}, stay.first_day
    while first <= stay.last_day:
        last = min(stay.last_day, next_month(first.replace(day=1)) - timedelta(days=1))
        by_month[first.replace(day=1)] = (last - first).days + 1
        first = last + timedelta(days=1)
    return by_month


def _share(values: dict[Key, Any], key: Key) -> float | None:
    total = sum(values.values())
    return float(values[key]) / float(total) if total else None


def _rank(values: dict[Key, Any], key: Key) -> int | None:
    """1 is the worst, equal ones share a rank; what has none of it has no rank."""
    return 1 + sum(value > values[key] for value in values.values()) if values[key] > 0 else None
