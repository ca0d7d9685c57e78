"""The moments of the planted worlds: a night just after midnight in Berlin, while it is still yesterday in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Berlin")
AS_OF = datetime(2026, 1, 14, 23, 30, tzinfo=UTC)
TODAY = date(2026, 1, 15)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
#: When the full extracts of a source were taken, the newest one five minutes before the night.
EXTRACTS = [AS_OF - timedelta(minutes=5) - 7 * DAY * weeks for weeks in (4, 3, 2, 1, 0)]
NEWEST = len(EXTRACTS) - 1
#: Times of day in Berlin; of two of them the day in UTC is the one before. None is in an hour that clocks repeat.
_TIMES = [time(0, 5), time(0, 30), time(9, 15), time(12, 0), time(17, 45, 59), time(23, 55)]


def day(days_ago: int) -> date:
    """The day in Berlin."""
    return TODAY - timedelta(days=days_ago)


def moment(days_ago: int, rng: Random) -> datetime:
    """Some time of that day in Berlin that lies before the newest extract."""
    at = time(0, rng.randrange(1, 24)) if days_ago <= 0 else rng.choice(_TIMES)
    return datetime.combine(day(days_ago), at, ZONE).astimezone(UTC)


def in_berlin(at: datetime) -> date:
    return at.astimezone(ZONE).date()


def days_since(at: datetime) -> int:
    return (TODAY - in_berlin(at)).days


def local(at: datetime | None, zone: ZoneInfo) -> str:
    """As a CRM writes it: the time on its own clock, without an offset."""
    return "" if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def in_utc(at: datetime) -> str:
    """As a TIMESTAMP shows itself as text."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
