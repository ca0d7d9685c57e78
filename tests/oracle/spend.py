"""Metric 9's numerator: spend by month in every grain whose attribute a row carries (domain.md, metric 9)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from .crm import Crm
from .currencies import known
from .events import Event, events_of
from .money import Rates

#: (grain, its value) → month → the amounts, None where there is no rate.
Spend = dict[tuple[str, str | None], dict[date, list[Decimal | None]]]


def spend_of(crms: Iterable[Crm], rates: Rates) -> Spend:
    """All rows, in each grain that they count in."""
    spend: Spend = defaultdict(lambda: defaultdict(list))
    for event in (event for crm in crms for event in events_of("spend", crm)):
        spent_on = event.day("spent_on")
        if spent_on:
            money = event.in_reporting_currency(spent_on, rates)
            for grain in _grains(event):
                spend[grain][spent_on.replace(day=1)].append(money)
    return spend


def spend_rows(crms: Iterable[Crm], rates: Rates) -> list[dict[str, Any]]:
    """`fct_spend`."""
    rows = []
    for event in (event for crm in crms for event in events_of("spend", crm)):
        spent_on, row, crm = event.day("spent_on"), event.row, event.crm
        pipeline, owner = row.get("pipeline"), row.get("owner_id")
        if spent_on:
            rows.append(
                {
                    "source": crm.source.name,
                    "pipeline": crm.pipelines.pipeline(pipeline).name if pipeline else None,
                    "owner_key": crm.key(owner) if owner else None,
                    "segment": row.get("segment"),
                    "lead_source": row.get("lead_source"),
                    "campaign": row.get("campaign"),
                    "spent_on": spent_on,
                    "amount": event.amount,
                    "currency": known(event.currency),
                    "amount_reporting": event.in_reporting_currency(spent_on, rates),
                }
            )
    return rows


def spend_in(spend: Spend, grain: tuple[str, str | None], month: date) -> Decimal | None:
    """0 where a month has none; None before the first row that carries the value, and where a rate is missing."""
    months = spend.get(grain, {})
    amounts = months.get(month, [])
    told = [amount for amount in amounts if amount is not None]
    if not months or month < min(months) or len(told) < len(amounts):
        return None
    return sum(told, Decimal(0))


def rows_without_rate(spend: Spend, grain: tuple[str, str | None], month: date) -> int | None:
    """None before the first row that carries the value."""
    months = spend.get(grain, {})
    return months.get(month, []).count(None) if months and month >= min(months) else None


def _grains(event: Event) -> Iterator[tuple[str, str]]:
    source, row = event.crm.source.name, event.row
    yield "all", "all"
    yield "source", source
    if pipeline := row.get("pipeline"):
        yield "pipeline", f"{source}:{event.crm.pipelines.pipeline(pipeline).name}"
    if owner := row.get("owner_id"):
        yield "owner", event.crm.key(owner)
    for grain in ("segment", "lead_source"):
        if row.get(grain):
            yield grain, str(row[grain])
