"""When things happen: the nights of the deliveries, working hours, days as the reporting timezone counts.

Moments are aware datetimes in UTC, to the second. Days are dates.
"""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")
AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
AS_OF_DAY = date(2026, 1, 1)
FIRST_DAY = date(2024, 7, 1)
#: The nights of the deliveries; 00:00 of the day in the source's timezone.
DELIVERY_DAYS = (date(2025, 12, 29), date(2025, 12, 30), date(2025, 12, 31))
NEWEST = DELIVERY_DAYS[-1]

_HOLIDAYS = {(1, 1), (5, 1), (12, 24), (12, 25), (12, 26)}


def extract_time(day: date, zone: ZoneInfo) -> datetime:
    """The moment of a delivery that is named by its day: midnight there."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def berlin_day(moment: datetime) -> date:
    """The day of a moment in the reporting timezone."""
    return moment.astimezone(BERLIN).date()


def berlin_moment(day: date, clock: str) -> datetime:
    """`HH:MM:SS` of a day in the reporting timezone."""
    return datetime.combine(day, time.fromisoformat(clock), BERLIN).astimezone(UTC)


def days_before_as_of(days: int) -> date:
    """The day that lies `days` days before the as-of day."""
    return AS_OF_DAY - timedelta(days=days)


def is_working_day(day: date) -> bool:
    """Monday to Friday, but for the holidays all businesses share."""
    return day.weekday() < 5 and (day.month, day.day) not in _HOLIDAYS


def working_day_from(day: date) -> date:
    """The day itself or the next working day."""
    while not is_working_day(day):
        day += timedelta(days=1)
    return day


def working_day_until(day: date) -> date:
    """The day itself or the working day before it."""
    while not is_working_day(day):
        day -= timedelta(days=1)
    return day


def working_moment(rng: random.Random, day: date) -> datetime:
    """Some second of office hours, 08:00 to 18:00 in Berlin, on the day or the next working day."""
    start = datetime.combine(working_day_from(day), time(8), BERLIN).astimezone(UTC)
    return start + timedelta(seconds=rng.randrange(10 * 3600))


def any_moment(rng: random.Random, day: date) -> datetime:
    """Some second between 06:30 and 22:30 in Berlin: leads write when they have time."""
    start = datetime.combine(day, time(6, 30), BERLIN).astimezone(UTC)
    return start + timedelta(seconds=rng.randrange(16 * 3600))


def office_hours(rng: random.Random, moment: datetime) -> datetime:
    """The moment itself if somebody is at work, else some time on the next working morning."""
    local = moment.astimezone(BERLIN)
    if is_working_day(local.date()) and 8 <= local.hour < 18:
        return moment
    day = local.date() if local.hour < 8 else local.date() + timedelta(days=1)
    opening = datetime.combine(working_day_from(day), time(8), BERLIN).astimezone(UTC)
    return opening + timedelta(seconds=rng.randrange(3 * 3600))


def busy_days(rng: random.Random, count: int, last_day: date) -> list[date]:
    """`count` days from the first day to `last_day`: a growing business with a quiet summer and December."""
    season = {1: 0.9, 2: 1.0, 3: 1.15, 7: 0.8, 8: 0.7, 9: 1.2, 10: 1.1, 11: 1.15, 12: 0.75}
    span = (last_day - FIRST_DAY).days
    days = [FIRST_DAY + timedelta(days=offset) for offset in range(span + 1)]
    weights = [season.get(day.month, 1.0) * (1 + 0.8 * place / span) for place, day in enumerate(days)]
    return sorted(rng.choices(days, weights, k=count))
