"""`mart_pipeline_movements`: what came into the open pipeline in a month, what left it, and what it was worth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from .changes import Change, changes_of, worth_on
from .deals import Deal
from .money import Rates
from .months import months_from, next_month
from .stages import Stage
from .values import midnight

Rows = list[dict[str, Any]]
Months = dict[date, bool]

IN = ("created", "reopened", "merged in")
OUT = ("won", "lost", "deleted", "merged away")
#: What is published of a merge is its net effect.
SHOWN_IN, SHOWN_OUT = ("created", "reopened"), ("won", "lost", "deleted")


@dataclass(frozen=True)
class Turn:
    """A deal comes into the open pipeline or leaves it; `left` is the stage it was won or lost from."""

    deal: Deal
    on: date
    kind: str
    amount: Decimal
    left: Stage | None = None


def turns_of(deal: Deal, rates: Rates) -> list[Turn]:
    """In and out by turns: from one stage to the next, or from one end to another, nothing moves."""
    crm, changes = deal.crm, changes_of(deal)
    steps = [(one.at, one.stage.outcome or "reopened", one.stage) for one in deal.counted]
    if deal.deleted_at:
        steps = [step for step in steps if step[0] <= deal.deleted_at]
    turns = [Turn(deal, deal.opened_on, "created", amount_on(deal, changes, deal.opened_on, rates))]
    before: Stage | None = None
    for at, kind, stage in steps:
        is_open = turns[-1].kind in IN
        if (kind == "reopened") != is_open:
            on = max(crm.local_date(at), deal.opened_on)
            turns.append(Turn(deal, on, kind, amount_on(deal, changes, on, rates), before if is_open else None))
        before = stage
    if deal.deleted_at and turns[-1].kind in IN:
        on = max(crm.local_date(deal.deleted_at), deal.opened_on)
        kind = "merged away" if deal.is_merged_away else "deleted"
        turns.append(Turn(deal, on, kind, amount_on(deal, changes, on, rates)))
    return list(_since_merge(deal, turns, changes, rates))


def _since_merge(deal: Deal, turns: list[Turn], changes: list[Change], rates: Rates) -> Iterator[Turn]:
    """Of a survivor that came with a merge, what happened since; it comes in on that day, if it is open then."""
    day = deal.entered_by_merge_on
    if day is None:
        yield from turns
        return
    before = [turn for turn in turns if turn.on <= day]
    if before and before[-1].kind in IN:
        yield Turn(deal, day, "merged in", amount_on(deal, changes, day, rates))
    yield from (turn for turn in turns if turn.on > day)


def months_with_completeness(monthly_metrics: Rows, turns: list[Turn], as_of: datetime) -> Months:
    """The months of the metrics, earlier ones in which a deal came in (deleted later, or created in the future), and
    whether each is over."""
    known = [row["month"] for row in monthly_metrics] + [turn.on.replace(day=1) for turn in turns]
    if not turns:
        return {}
    zone = turns[0].deal.crm.config.zone
    months = months_from(min(known), as_of.astimezone(zone).date())
    return {month: midnight(next_month(month), zone) <= as_of for month in months}


def movements(deals: list[Deal], turns: list[Turn], rates: Rates, months: Months) -> Rows:
    """One row per month of every pipeline that has a deal."""
    counts: dict[tuple[str, str, date, str], list[Decimal]] = defaultdict(list)
    for turn in turns:
        counts[turn.deal.source, turn.deal.pipeline, turn.on.replace(day=1), turn.kind].append(turn.amount)
    by_deal: dict[str, list[Turn]] = defaultdict(list)
    for turn in turns:
        by_deal[turn.deal.key].append(turn)
    for deal in deals:
        for (month, kind), amount in _amount_changes(deal, by_deal[deal.key], rates).items():
            counts[deal.source, deal.pipeline, month, kind].append(amount)
    rows = []
    for source, pipeline in sorted({(deal.source, deal.pipeline) for deal in deals}):
        open_deals, open_amount = 0, Decimal(0)
        for month, is_complete in months.items():
            moved = {kind: counts[source, pipeline, month, kind] for kind in (*IN, "increased", "decreased", *OUT)}
            row: dict[str, Any] = {
                "month": month,
                "source": source,
                "pipeline": pipeline,
                "is_complete_month": is_complete,
            }
            row |= {"opening_deals": open_deals, "opening_amount": open_amount}
            came, went = moved.pop("merged in"), moved.pop("merged away")
            row |= {f"{kind}_deals": len(amounts) for kind, amounts in moved.items()}
            row |= {f"{kind}_amount": sum(amounts, Decimal(0)) for kind, amounts in moved.items()}
            row |= {"merged_deals": len(came) - len(went)}
            row |= {"merged_amount": sum(came, Decimal(0)) - sum(went, Decimal(0))}
            open_deals += sum(len(moved[kind]) for kind in SHOWN_IN) - sum(len(moved[kind]) for kind in SHOWN_OUT)
            open_deals += row["merged_deals"]
            open_amount += sum(row[f"{kind}_amount"] for kind in (*SHOWN_IN, "increased", "merged"))
            open_amount -= sum(row[f"{kind}_amount"] for kind in ("decreased", *SHOWN_OUT))
            rows.append(row | {"closing_deals": open_deals, "closing_amount": open_amount})
    return rows


def _amount_changes(deal: Deal, turns: list[Turn], rates: Rates) -> dict[tuple[date, str], Decimal]:
    """Month and direction → by how much a deal's amount changed, from day's end to day's end while it was open."""
    changes = changes_of(deal)
    sums: dict[tuple[date, str], Decimal] = defaultdict(Decimal)
    told = [change for change in changes if change.field == "amount"] + deal.currency_changes
    days = sorted({deal.crm.local_date(change.at) for change in told})
    for opened, closed in _open_between(turns):
        before = amount_on(deal, changes, opened, rates)
        for day in (day for day in days if opened < day <= closed):
            after = amount_on(deal, changes, day, rates)
            if after != before:
                sums[day.replace(day=1), "increased" if after > before else "decreased"] += abs(after - before)
            before = after
    return sums


def _open_between(turns: list[Turn]) -> Iterator[tuple[date, date]]:
    """From the day it came in to the day it left."""
    for came, went in zip(turns[::2], [*turns[1::2], None], strict=False):
        yield came.on, went.on if went else date.max


def amount_on(deal: Deal, changes: list[Change], day: date, rates: Rates) -> Decimal:
    """What a deal was worth at a day's end, in the reporting currency; unknown is nothing."""
    return worth_on(deal, changes, day, rates) or Decimal(0)
