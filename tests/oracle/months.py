"""Calendar months, named by their first day, and quarters of fiscal years."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta


def next_month(month: date) -> date:
    """The first day of the month after."""
    return (month + timedelta(days=31)).replace(day=1)


def months_from(first: date, last: date) -> Iterator[date]:
    """Contiguous, from the month of one day to that of another."""
    month = first.replace(day=1)
    while month <= last:
        yield month
        month = next_month(month)


def quarter_start(day: date, fiscal_start: int) -> date:
    """The first day of its fiscal quarter; the fiscal year begins with that month."""
    month = day.replace(day=1)
    while (month.month - fiscal_start) % 3:
        month = (month - timedelta(days=1)).replace(day=1)
    return month


def quarter_end(day: date, fiscal_start: int) -> date:
    """Its last day."""
    month = quarter_start(day, fiscal_start)
    return next_month(next_month(next_month(month))) - timedelta(days=1)


def fiscal_quarter(day: date, fiscal_start: int) -> tuple[int, int]:
    """The fiscal year, named by the calendar year it ends in, and its quarter."""
    begins = quarter_start(day, fiscal_start)
    number = next(one for one in range(4) if (fiscal_start - 1 + 3 * one) % 12 + 1 == begins.month)
    year_begins = date(day.year if day.month >= fiscal_start else day.year - 1, fiscal_start, 1)
    return (year_begins + timedelta(days=360)).year, number + 1
