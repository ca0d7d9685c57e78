"""`fct_deal_changes`: what changed on a deal, when, and who says so (contract.md; domain.md, History)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import pairwise

from .crm import Crm
from .deals import Deal, in_reporting
from .history import opened_at
from .money import Rates
from .words import COLUMNS, CURRENCY, Change, field_changes


def changes_of(deal: Deal) -> list[Change]:
    """All changes of a deal, field by field in order of time."""
    fields = [*COLUMNS, *deal.crm.config.fields_of("deals")]
    words = [change for field in fields for change in field_changes(deal.crm, deal.id, field)]
    return list(_moved(deal)) + words


def value_on(changes: list[Change], field: str, day: date, now: str | None, crm: Crm) -> str | None:
    """What a field held at the end of a day: before its first change the old value, without changes the present one."""
    of_field = [change for change in changes if change.field == field]
    if not of_field:
        return now
    earlier = [change for change in of_field if crm.local_date(change.at) <= day]
    return earlier[-1].new if earlier else of_field[0].old


def worth_on(deal: Deal, changes: list[Change], day: date, rates: Rates) -> Decimal | None:
    """What a deal was worth at a day's end, in the reporting currency: the amount and the currency of then."""
    amount = value_on(changes, "amount", day, None if deal.amount is None else str(deal.amount), deal.crm)
    currency = value_on(deal.currency_changes, CURRENCY, day, deal.currency, deal.crm)
    if currency is None:
        currency = deal.crm.source.currency.upper()
    return in_reporting(deal, Decimal(amount) if amount else None, currency, rates)


def _moved(deal: Deal) -> Iterator[Change]:
    """Stage, pipeline and status, as the transitions tell them."""
    first = deal.transitions[0] if deal.transitions else None
    if first and first.evidence == "logged":
        yield Change("stage", None, first.stage.name, first.at, first.evidence)
        if first.stage.outcome:
            # open until its first word, unless it was created closed
            was = "open" if first.at > opened_at(deal.crm, deal.id, deal.created_at) else None
            yield Change("status", was, first.stage.outcome, first.at, first.evidence)
    for before, after in pairwise(deal.transitions):
        for field, old, new in (
            ("stage", before.stage.name, after.stage.name),
            ("pipeline", before.stage.pipeline, after.stage.pipeline),
            ("status", before.stage.outcome or "open", after.stage.outcome or "open"),
        ):
            if old != new:
                yield Change(field, old, new, after.at, after.evidence)
