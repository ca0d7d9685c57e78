"""`mart_pipeline_daily` and `fct_pipeline_snapshots`: what was open at a day's end, by the transition clock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from .changes import Change, changes_of, value_on, worth_on
from .deals import Deal
from .money import Rates
from .months import next_month

Rows = list[dict[str, Any]]
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Stay:
    """A deal as it was open at the ends of some days in a row."""

    deal: Deal
    first_day: date
    last_day: date
    pipeline: str
    stage: str | None
    canonical_stage: str | None
    entered_on: date | None
    amount_reporting: Decimal | None
    owner_key: str | None


def stays_of(deal: Deal, rates: Rates) -> list[Stay]:
    """From the day of creation to that of the closing transition or of the deletion, again after a reopening."""
    crm = deal.crm
    changes = changes_of(deal)
    as_of_day = crm.local_date(crm.as_of)
    moments = [one.at for one in deal.counted] + [one.at for one in changes + deal.currency_changes]
    moments += [deal.deleted_at] if deal.deleted_at else []
    days = {crm.local_date(moment) for moment in moments} | {deal.there_from}
    starts = sorted(day for day in days if deal.there_from <= day <= as_of_day)
    ends = [start - DAY for start in starts[1:]] + [as_of_day]
    stays = (_stay(deal, start, end, changes, rates) for start, end in zip(starts, ends, strict=True))
    return [stay for stay in stays if stay]


def _stay(deal: Deal, start: date, end: date, changes: list[Change], rates: Rates) -> Stay | None:
    """How a deal stood at the end of `start`, and nothing changed until `end`; None if it was not open."""
    crm = deal.crm
    last = next((one for one in reversed(deal.counted) if crm.local_date(one.at) <= start), None)
    is_deleted = deal.deleted_at is not None and crm.local_date(deal.deleted_at) <= start
    if is_deleted or (last and last.stage.outcome):
        return None
    return Stay(
        deal=deal,
        first_day=start,
        last_day=end,
        pipeline=last.stage.pipeline if last else deal.pipeline,
        stage=last.stage.name if last else None,
        canonical_stage=last.stage.canonical if last else None,
        entered_on=crm.local_date(last.at) if last else None,
        amount_reporting=worth_on(deal, changes, start, rates),
        owner_key=value_on(changes, "owner", start, deal.owner_key, crm),
    )


def pipeline_daily(stays: list[Stay], as_of: datetime) -> Rows:
    """One row per day × source × pipeline × stage in which a deal was open."""
    counts: dict[tuple[date, str, str, str | None], int] = defaultdict(int)
    amounts: dict[tuple[date, str, str, str | None], Decimal] = defaultdict(Decimal)
    for stay in stays:
        for day in _days(stay):
            key = (day, stay.deal.source, stay.pipeline, stay.stage)
            counts[key] += 1
            amounts[key] += stay.amount_reporting or 0
    names = ("date_day", "source", "pipeline", "stage")
    last_day = stays[0].deal.crm.local_date(as_of) if stays else date.max
    return [
        {
            **dict(zip(names, key, strict=True)),
            "open_deals": count,
            "open_amount": amounts[key],
            "is_complete_day": key[0] < last_day,
        }
        for key, count in counts.items()
    ]


def pipeline_snapshots(stays: list[Stay], as_of: datetime) -> Rows:
    """One row per deal that was open at a month's end before the as-of date."""
    return [
        {
            "snapshot_on": day,
            "deal_key": stay.deal.key,
            "pipeline": stay.pipeline,
            "stage": stay.stage,
            "source": stay.deal.source,
            "canonical_stage": stay.canonical_stage,
            "owner_key": stay.owner_key,
            "amount_reporting": stay.amount_reporting,
            "days_in_stage": (day - stay.entered_on).days if stay.entered_on else None,
        }
        for stay in stays
        for day in _month_ends(stay)
        if day < stay.deal.crm.local_date(as_of)
    ]


def _days(stay: Stay) -> Iterator[date]:
    day = stay.first_day
    while day <= stay.last_day:
        yield day
        day += DAY


def _month_ends(stay: Stay) -> Iterator[date]:
    day = next_month(stay.first_day.replace(day=1)) - DAY
    while day <= stay.last_day:
        yield day
        day = next_month(next_month(day.replace(day=1))) - DAY
