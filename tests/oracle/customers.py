"""Revenue by customer and month, and what a customer is worth (domain.md, metric 11).

A customer is active in a month in which its revenue is more than 0. A service period is spread evenly over the months
it touches, down to whole cents, and the last month takes what is left.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from .configuration import Config
from .crm import Crm
from .events import Event, events_of
from .money import Rates
from .months import months_from, next_month
from .values import midnight

GRAINS = ("all", "source", "segment")
YEAR = 12


@dataclass(frozen=True)
class Customer:
    """An account with revenue: month → cents, and the months in which a line has no rate."""

    key: str
    source: str
    segment: str | None
    cents: dict[date, int]
    without_rate: dict[date, int]
    #: Without the lines that have no rate.
    rated_cents: dict[date, int]

    def is_active(self, month: date) -> bool:
        """Whether the month's revenue is more than 0."""
        return self.cents.get(month, 0) > 0

    def has_churned(self, month: date) -> bool:
        """Active the month before, and not in this one."""
        return self.is_active(_month_before(month)) and not self.is_active(month)

    def value_of(self, grain: str) -> str | None:
        """Where it counts."""
        return {"all": "all", "source": self.source, "segment": self.segment}[grain]


def customers_of(crms: Iterable[Crm], rates: Rates) -> list[Customer]:
    """Every account with revenue."""
    customers: dict[str, Customer] = {}
    for event in (event for crm in crms for event in events_of("revenue", crm)):
        account = event.row["account_id"]
        period = _period(event)
        if account is None or period is None:
            continue
        first, last, rated_on = period
        known = event.crm.accounts.get(account)
        customer = customers.setdefault(
            event.crm.key(account),
            Customer(
                event.crm.key(account),
                event.crm.source.name,
                known.row.get("segment") if known else None,
                defaultdict(int),
                defaultdict(int),
                defaultdict(int),
            ),
        )
        money = event.in_reporting_currency(rated_on, rates)
        months = list(months_from(first, last))
        whole = int((event.amount if money is None else money) * 100)
        for month in months:
            share = whole // len(months)
            part = whole - share * (len(months) - 1) if month == months[-1] else share
            customer.cents[month] += part
            customer.rated_cents[month] += 0 if money is None else part
            customer.without_rate[month] += money is None
    return list(customers.values())


def customer_months(customers: Iterable[Customer], as_of: datetime, config: Config) -> list[dict[str, Any]]:
    """`fct_customer_months`: a row for each month with revenue up to as-of's, and for the one in which it churned."""
    return [
        {
            "customer_month_key": f"{customer.key}:{month}",
            "account_key": customer.key,
            "account_id": customer.key.removeprefix(f"{customer.source}:"),
            "month": month,
            "is_complete_month": is_over(month, as_of, config),
            "lines_without_rate": customer.without_rate.get(month, 0),
            "source": customer.source,
            "segment": customer.segment,
            "revenue_reporting": None
            if customer.without_rate.get(month)
            else Decimal(customer.cents.get(month, 0)) / 100,
            "is_active": customer.is_active(month),
            "was_active_month_before": customer.is_active(_month_before(month)),
            "is_churned": customer.has_churned(month) and is_over(month, as_of, config),
        }
        for customer in customers
        for month in months_from(min(customer.cents), as_of.astimezone(config.zone).date())
        if month in customer.cents or (customer.has_churned(month) and is_over(month, as_of, config))
    ]


def is_over(month: date, as_of: datetime, config: Config) -> bool:
    """Whether a month had ended by as-of."""
    return midnight(next_month(month), config.zone) <= as_of


def lifetime_value(
    customers: list[Customer], grain: tuple[str, str | None], month: date, config: Config, as_of: datetime
) -> tuple[float | None, str | None]:
    """`clv`, or why there is none."""
    if grain[0] not in GRAINS:
        return None, "not defined for this grain"
    own = [customer for customer in customers if customer.value_of(grain[0]) == grain[1]]
    as_of_month = as_of.astimezone(config.zone).date().replace(day=1)
    first = min((min(customer.cents) for customer in own), default=None)
    if first is None or first > as_of_month:
        return None, "no revenue is delivered"
    if config.gross_margin is None:
        return None, "no gross margin is configured"
    if not is_over(month, as_of, config):
        return None, "the month is not over"
    year = [month]
    while len(year) < YEAR:
        year.append(_month_before(year[-1]))
    if year[-1] < first:
        return None, "fewer than 12 months since the first revenue"
    if any(customer.without_rate.get(one) for customer in own for one in year):
        return None, "an exchange rate is missing"
    active = sum(customer.is_active(one) for customer in own for one in year)
    if not active:
        return None, "no customer was active"
    churned = sum(customer.has_churned(one) for customer in own for one in year)
    if not churned:
        return None, "no customer churned"
    before = sum(customer.is_active(_month_before(one)) for customer in own for one in year)
    revenue = Fraction(sum(customer.cents.get(one, 0) for customer in own for one in year), 100)
    return float(revenue / active * Fraction(config.gross_margin) / Fraction(churned, before)), None


def customer_years(customers: Iterable[Customer], as_of: datetime, config: Config) -> list[dict[str, Any]]:
    """`fct_customer_years`: what the twelve months that end with a month add up to, or those there are."""
    groups: dict[tuple[str, str | None], list[Customer]] = defaultdict(list)
    for customer in customers:
        groups[customer.source, customer.segment].append(customer)
    last = as_of.astimezone(config.zone).date()
    rows = []
    for (source, segment), own in groups.items():
        first = min(min(customer.cents) for customer in own)
        for number, month in enumerate(months_from(first, last), start=1):
            rows.append(
                {
                    "source": source,
                    "segment": segment,
                    "month": month,
                    "is_complete_month": is_over(month, as_of, config),
                    "months_of_revenue": number,
                    **_sums(own, [one for one in _year(month) if one >= first.replace(day=1)], as_of, config),
                    "gross_margin": None if config.gross_margin is None else float(config.gross_margin),
                }
            )
    return rows


def _year(month: date) -> list[date]:
    months = [month]
    while len(months) < YEAR:
        months.append(_month_before(months[-1]))
    return months


def _sums(own: list[Customer], months: list[date], as_of: datetime, config: Config) -> dict[str, Any]:
    """Of some customers over some months; a customer churned in a month that is over."""
    with_rate = [(customer, one) for customer in own for one in months]
    return {
        "revenue": Decimal(sum(customer.rated_cents.get(one, 0) for customer, one in with_rate)) / 100,
        "lines_without_rate": sum(customer.without_rate.get(one, 0) for customer, one in with_rate),
        "active_customer_months": sum(customer.is_active(one) for customer, one in with_rate),
        "active_months_before": sum(
            customer.is_active(_month_before(one)) and (is_over(one, as_of, config) or one in customer.cents)
            for customer, one in with_rate
        ),
        "churned_customers": sum(
            customer.has_churned(one) and is_over(one, as_of, config) for customer, one in with_rate
        ),
    }


def year_terms(
    customers: list[Customer], grain: tuple[str, str | None], month: date, config: Config, as_of: datetime
) -> dict[str, Any]:
    """The terms of metric 11 in `mart_monthly_metrics`: None where there are no twelve months, or a rate is missing."""
    names = ("revenue_12_months", "active_customer_months", "active_months_before", "churned_customers")
    own = [one for one in customers if grain[0] in GRAINS and one.value_of(grain[0]) == grain[1]]
    first = min((min(customer.cents) for customer in own), default=None)
    year = _year(month)
    if first is None or year[-1] < first or not is_over(month, as_of, config):
        return dict.fromkeys(names)
    sums = _sums(own, year, as_of, config)
    if sums["lines_without_rate"]:
        return dict.fromkeys(names)
    return dict(zip(names, (sums["revenue"], *(sums[name] for name in names[1:])), strict=True))


def _period(event: Event) -> tuple[date, date, date] | None:
    """First and last day, and the day of its rate; a period that ends before it begins is none."""
    on, start, end = (event.day(column) for column in ("revenue_on", "service_from", "service_to"))
    if start and end and start <= end:
        return start, end, on or start
    return (on, on, on) if on else None


def _month_before(month: date) -> date:
    return date(month.year - (month.month == 1), (month.month - 2) % 12 + 1, 1)
