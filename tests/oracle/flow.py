"""`mart_stage_flow` and `mart_close_date_slippage`: where deals went, and how their close dates moved."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from statistics import fmean, median
from typing import Any

from .changes import Change, changes_of
from .deals import Deal, is_bookkeeping
from .money import Rates
from .movements import Months, amount_on
from .stages import Stage, direction
from .transition import Transition

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Step:
    """A transition with the one before it, and what the deal was worth at the day's end."""

    deal: Deal
    before: Transition | None
    after: Transition
    amount: Decimal

    @property
    def way(self) -> tuple[date, str, str, str | None, str]:
        """Month, source, pipeline, and from where to where."""
        month = self.deal.crm.local_date(self.after.at).replace(day=1)
        from_stage = self.before.stage.name if self.before else None
        return month, self.deal.source, self.after.stage.pipeline, from_stage, self.after.stage.name

    @property
    def direction(self) -> str:
        """What kind of transition it is."""
        return direction(self.deal.crm.pipelines, self.before.stage if self.before else None, self.after.stage)

    @property
    def is_from_elsewhere(self) -> bool:
        """From a stage of another pipeline."""
        return self.before is not None and self.before.stage.pipeline != self.after.stage.pipeline

    @property
    def days(self) -> int | None:
        """Whole days in the stage it left."""
        local_date = self.deal.crm.local_date
        return (local_date(self.after.at) - local_date(self.before.at)).days if self.before else None


def stage_flow(deals: list[Deal], rates: Rates) -> Rows:
    """One row per month × source × pipeline × from_stage × to_stage; deals are those that are not deleted."""
    ways: dict[tuple[Any, ...], list[Step]] = defaultdict(list)
    for deal in deals:
        changes = changes_of(deal)
        for before, after in zip([None, *deal.counted], deal.counted, strict=False):
            step = Step(deal, before, after, amount_on(deal, changes, deal.crm.local_date(after.at), rates))
            ways[step.way].append(step)
    out_of: Counter[tuple[Any, ...]] = Counter()
    for way, steps in ways.items():
        out_of[way[:4]] += len(steps)
    return [_flow_row(way, steps, out_of[way[:4]]) for way, steps in ways.items()]


def _flow_row(way: tuple[Any, ...], steps: list[Step], all_out: int) -> dict[str, Any]:
    days = [step.days for step in steps if step.days is not None]
    own = [step.direction for step in steps if not step.is_from_elsewhere]
    directions = set(own or [step.direction for step in steps])
    return {
        **dict(zip(("month", "source", "pipeline", "from_stage", "to_stage"), way, strict=True)),
        "deals": len({step.deal.key for step in steps}),
        "transitions": len(steps),
        "from_other_pipelines": len(steps) - len(own),
        "amount": sum((step.amount for step in steps), Decimal(0)),
        "days_median": float(median(days)) if days else None,
        "is_forward": None if directions == {"created"} else bool(directions & {"advanced", "skipped", "won"}),
        "is_on_path": bool(directions - {"skipped", "regressed", "reopened"}),
        "share_of_from_stage": len(steps) / all_out,
    }


def close_date_slippage(deals: list[Deal], pipelines: set[tuple[str, str]], months: Months) -> Rows:
    """One row per month of every pipeline that has a deal; deals are those that are not deleted.

    Changes told of a time before all these months have rows of their own.
    """
    moved: dict[tuple[str, str, date], list[tuple[str, int, bool]]] = defaultdict(list)
    for deal in deals:
        for change in changes_of(deal):
            if change.field != "expected_close_on" or is_bookkeeping(deal, change):
                continue
            if change.old and change.new:
                days = (date.fromisoformat(change.new) - date.fromisoformat(change.old)).days
                key = deal.source, deal.pipeline, deal.crm.local_date(change.at).replace(day=1)
                moved[key].append((deal.key, days, _is_open(deal, change)))
    keys = {(*pipeline, month): is_complete for pipeline in pipelines for month, is_complete in months.items()}
    keys |= {key: True for key in moved if key[2] < min(months)}
    return [
        {"month": month, "source": source, "pipeline": pipeline, "is_complete_month": is_complete}
        | _slippage(moved[source, pipeline, month])
        for (source, pipeline, month), is_complete in keys.items()
    ]


def _slippage(moved: list[tuple[str, int, bool]]) -> dict[str, Any]:
    pushes = [days for _, days, is_open in moved if is_open and days > 0]
    pulls = [-days for _, days, is_open in moved if is_open and days < 0]
    pushed = {key for key, days, is_open in moved if is_open and days > 0}
    return {
        "pushes": len(pushes),
        "pulls": len(pulls),
        "pushed_deals": len(pushed),
        "pulled_deals": len({key for key, days, is_open in moved if is_open and days < 0}),
        "pushes_per_pushed_deal": len(pushes) / len(pushed) if pushed else None,
        "days_pushed": sum(pushes),
        "days_pushed_mean": fmean(pushes) if pushes else None,
        "days_pushed_median": float(median(pushes)) if pushes else None,
        "days_pulled": sum(pulls),
        "pushes_while_closed": sum(days > 0 and not is_open for _, days, is_open in moved),
    }


def _is_open(deal: Deal, change: Change) -> bool:
    """Whether a deal was open at a change and still is after it: what happens with the close belongs to it."""
    last = _stage_at(deal, change.at)
    return last is None or last.outcome is None


def _stage_at(deal: Deal, at: datetime) -> Stage | None:
    return next((one.stage for one in reversed(deal.counted) if one.at <= at), None)
