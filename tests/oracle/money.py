"""Amounts in the reporting currency (domain.md, Time and money): a deal has one rate for all its history."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from .configuration import Config
from .crm import Crm
from .records import log_rows
from .values import Dates, cents, number

#: Before every day: a rate that holds since ever.
EVER = date.min


@dataclass(frozen=True)
class Rate:
    """What one unit of a currency is worth in the reporting one; `until`: its last day, where the feed says it."""

    worth: Fraction
    until: date | None = None


Rates = dict[str, dict[date, Rate]]


def read_rates(crms: Iterable[Crm]) -> Rates:
    """Currency → first day → rate, of all sources; the last row of a day counts."""
    rates: Rates = defaultdict(dict)
    for crm in crms:
        for delivery, _, row in log_rows("exchange_rates", crm.deliveries):
            dates, rate = crm.dates(delivery), number(row["rate"])
            since = first_day(row["rate_on"], dates)
            is_upside_down = delivery.feed.rate_means == "units_per_reporting"
            if since and rate is not None and (rate or not is_upside_down):
                worth = 1 / Fraction(rate) if is_upside_down else Fraction(rate)
                rates[str(row["currency"]).upper()][since] = Rate(worth, dates.day(row.get("valid_until")))
    return rates


def first_day(text: str | None, dates: Dates) -> date | None:
    """The day from which a rate holds; a year that no calendar of ours has is `since ever`."""
    return EVER if text and text.startswith("0000-") else dates.day(text)


def in_reporting_currency(
    amount: Decimal | None,
    currency: str,
    closed_on: date | None,
    as_of_day: date,
    rates: Rates,
    config: Config,
) -> Decimal | None:
    """By the latest rate on or before the close (at most as-of), else as-of; none or too old a rate: None."""
    rate = in_reporting_rate(currency, closed_on, as_of_day, rates, config)
    if amount is None or currency == config.currency or rate is None:
        return amount if currency == config.currency else None
    worth = Fraction(amount) * rate
    return cents(Decimal(worth.numerator) / worth.denominator)


def in_reporting_rate(
    currency: str, closed_on: date | None, as_of_day: date, rates: Rates, config: Config
) -> Fraction | None:
    """What one unit of a currency is worth then."""
    if currency == config.currency:
        return Fraction(1)
    wanted_on = min(closed_on or as_of_day, as_of_day)
    of_currency = rates.get(currency, {})
    rated_on = max((day for day in of_currency if day <= wanted_on), default=None)
    if rated_on is None:
        return None
    rate = of_currency[rated_on]
    last = rate.until if rate.until else rated_on + timedelta(days=config.max_rate_age_days)
    return None if wanted_on > last else rate.worth
