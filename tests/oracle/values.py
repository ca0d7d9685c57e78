"""Cells of text as moments, days, amounts and booleans; what cannot be read is None (Time and money)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from zoneinfo import ZoneInfo

from .configuration import Feed

ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?\s*([Zz]|UTC|GMT|[+-]\d{2}(:?\d{2})?)?)?")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
TIME_DIRECTIVES = re.compile(r"%-?[HIMSpfXcs]")
CENT = Decimal("0.01")
TRUE = {"true", "t", "1", "yes", "y"}
FALSE = {"false", "f", "0", "no", "n"}


class Dates:
    """How one feed writes moments and days, read for one reporting timezone."""

    def __init__(self, feed: Feed, reporting_zone: ZoneInfo, history_starts_on: date) -> None:
        self._formats = [(text, bool(TIME_DIRECTIVES.search(text))) for text in feed.date_formats]
        self._source_zone = feed.zone
        self._zone = reporting_zone
        self._earliest = history_starts_on
        self._read = cache(self._parse)

    def moment(self, text: str | None) -> datetime | None:
        """An `_at` column, in UTC: a date without a time is its midnight in the reporting timezone."""
        read = self._read(text) if text else None
        if read is None:
            return None
        moment = self._moment(read)
        return moment if moment.astimezone(self._zone).date() >= self._earliest else None

    def day(self, text: str | None) -> date | None:
        """An `_on` column: a date as is; of a moment, its date in the reporting timezone.

        Midnight without offset or in UTC in a day's column is how some exports write a date: it is that date.
        """
        read = self._read(text) if text else None
        if read is None:
            return None
        if isinstance(read, datetime) and not read.utcoffset() and read.time() == time(0):
            day = read.date()
        elif isinstance(read, datetime):
            day = self._moment(read).astimezone(self._zone).date()
        else:
            day = read
        return day if day >= self._earliest else None

    def is_day(self, text: str | None) -> bool:
        """Whether a cell tells a day and no time."""
        read = self._read(text) if text else None
        return read is not None and not isinstance(read, datetime)

    def last_second(self, text: str) -> datetime:
        """Of the day that a cell tells, in the reporting timezone."""
        day = self.day(text)
        if day is None:
            raise ValueError(f"{text} is no day")
        return midnight(day + timedelta(days=1), self._zone) - timedelta(seconds=1)

    def _moment(self, read: date | datetime) -> datetime:
        if not isinstance(read, datetime):
            return midnight(read, self._zone)
        return (read if read.tzinfo else read.replace(tzinfo=self._source_zone)).astimezone(UTC)

    def _parse(self, text: str) -> date | datetime | None:
        """The feed's own formats first, then ISO 8601; nothing else is guessed."""
        for pattern, has_time in self._formats:
            try:
                moment = datetime.strptime(text, pattern)
            except ValueError:
                continue
            return moment if has_time else moment.date()
        if not ISO.fullmatch(text):
            return None
        try:
            return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(_compact(text))
        except ValueError:
            return None


def _compact(text: str) -> str:
    """`2026-01-01 10:00 +02` as `2026-01-01T10:00+02`: no space within, an upper-case Z, also for UTC and GMT."""
    return re.sub("UTC|GMT", "Z", (text[:10] + "T" + text[11:].replace(" ", "")).upper())


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day in a timezone, in UTC."""
    return datetime.combine(day, time(0), tzinfo=zone).astimezone(UTC)


def amount(text: str | None) -> Decimal | None:
    """Money, to the cent."""
    read = number(text)
    return None if read is None or abs(read) >= Decimal(10) ** 16 else cents(read)


def number(text: str | None) -> Decimal | None:
    """A plain number: a decimal point, no thousands separators, no symbols."""
    return Decimal(text) if text and NUMBER.fullmatch(text) else None


def cents(value: Decimal) -> Decimal:
    """Rounded to two places, halves away from zero."""
    return value.quantize(CENT, ROUND_HALF_UP)


def hours_between(start: datetime, end: datetime) -> Decimal:
    """Hours, so exact that half a hundredth is one."""
    return Decimal((end - start) // timedelta(microseconds=1)) / 3_600_000_000


def boolean(text: str | None) -> bool | None:
    """Yes or no, as exports write it."""
    word = text.casefold() if text else ""
    return True if word in TRUE else False if word in FALSE else None
