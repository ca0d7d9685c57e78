"""Amounts in the reporting currency (domain.md, Time and money): a deal has one rate for all its history."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal

from .configuration import Config
from .crm import Crm
from .records import log_rows
from .values import cents, number

Rates = dict[str, dict[date, Decimal]]


def read_rates(crms: Iterable[Crm]) -> Rates:
    """Reporting units per unit of a currency, by day, of all sources; the last row of a day counts."""
    rates: Rates = defaultdict(dict)
    rows = [
        (crm.dates(delivery), row) for crm in crms for delivery, _, row in log_rows("exchange_rates", crm.deliveries)
    ]
    for dates, row in rows:
        rate_on, rate = dates.day(row["rate_on"]), number(row["rate"])
        if rate_on and rate is not None:
            rates[str(row["currency"]).upper()][rate_on] = rate
    return rates


def in_reporting_currency(
    amount: Decimal | None,
    currency: str,
    closed_on: date | None,
    as_of_day: date,
    rates: Rates,
    config: Config,
) -> Decimal | None:
    """By the latest rate on or before the close (at most as-of), else as-of; none or too old a rate: None."""
    if amount is None or currency == config.currency:
        return amount
    wanted_on = min(closed_on or as_of_day, as_of_day)
    rated_on = max((day for day in rates.get(currency, {}) if day <= wanted_on), default=None)
    if rated_on is None or wanted_on - rated_on > timedelta(days=config.max_rate_age_days):
        return None
    return cents(amount * rates[currency][rated_on])
