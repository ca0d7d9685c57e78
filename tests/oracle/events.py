"""Spend and revenue: events without an id, each with a day and an amount of money (contract.md, Landing)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from .crm import Crm
from .currencies import money
from .mapping import Row
from .money import Rates, in_reporting_currency
from .records import log_rows
from .values import Dates, boolean
from .words import named_currency

MONTH = re.compile(r"\d{4}-\d\d")


@dataclass(frozen=True)
class Event:
    """A row that counts."""

    crm: Crm
    row: Row
    dates: Dates
    amount: Decimal
    currency: str

    def day(self, column: str) -> date | None:
        """A month alone is its first day."""
        text = self.row.get(column)
        return self.dates.day(f"{text}-01" if text and MONTH.fullmatch(text) else text)

    def in_reporting_currency(self, on: date, rates: Rates) -> Decimal | None:
        """At the rate of its own day; without a currency it is in the source's."""
        as_of_day = self.crm.local_date(self.crm.as_of)
        return in_reporting_currency(self.amount, self.currency, on, as_of_day, rates, self.crm.config)


def events_of(entity: str, crm: Crm) -> Iterator[Event]:
    """Of a full feed the newest delivery's, of increments all, equal ones once; not those flagged as deleted."""
    told = set()
    for delivery, _, row in log_rows(entity, crm.deliveries):
        content = tuple(sorted((column, text) for column, text in row.items() if text))
        if delivery.feed.incremental and content in told:
            continue
        told.add(content)
        shown = money(row["amount"], row.get("currency"), crm.source.currency)
        if shown and not boolean(row.get("is_deleted")):
            currency = named_currency(crm, row) or crm.source.currency.upper()
            yield Event(crm, row, crm.dates(delivery), shown.amount, currency)
