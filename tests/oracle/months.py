"""Calendar months, named by their first day."""

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
