"""What witnesses say of a deal's amount, owner and expected close date, and where they change (domain.md, History)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import pairwise

from .crm import Crm
from .landing import Row
from .rows import row_stage
from .values import Dates, amount


@dataclass(frozen=True)
class Change:
    """A field of a deal has another value than before."""

    field: str
    old: str | None
    new: str | None
    at: datetime
    evidence: str


@dataclass(frozen=True)
class Word:
    """What a witness says a field holds from a moment on; a log may say what it held before."""

    at: datetime
    evidence: str
    value: str | None
    old: str | None = None


#: Field → the columns that hold it, best first.
COLUMNS = {"amount": ("amount",), "owner": ("owner_id",), "expected_close_on": ("expected_close_on", "close_on")}


def field_changes(crm: Crm, deal_id: str, field: str) -> list[Change]:
    """The changes of one of the fields in COLUMNS, in order of time."""
    return list(_changed(field, _words(crm, deal_id, field)))


def shown_now(crm: Crm, deal_id: str, field: str) -> str | None:
    """What a field holds now: as the newest row shows it, else the last word of history."""
    record = crm.deals.get(deal_id)
    if record:
        return _reader(crm, field)(_cell(record.row, field), record.dates)
    words = _words(crm, deal_id, field)
    return words[-1].value if words else None


def _changed(field: str, words: list[Word]) -> Iterator[Change]:
    """Where a word differs from the one before; a log's very first word from what the log calls the old value."""
    first = words[0] if words else None
    if first and first.evidence == "logged" and first.value != first.old:
        yield Change(field, first.old, first.value, first.at, first.evidence)
    for before, after in pairwise(words):
        if after.value != before.value:
            yield Change(field, before.value, after.value, after.at, after.evidence)


def _words(crm: Crm, deal_id: str, field: str) -> list[Word]:
    """The best witness of a field from its first word on, before it the next best; last, what the row shows."""
    words: list[Word] = []
    for witness in (_logged, _versioned, _observed):
        words = [word for word in witness(crm, deal_id, field) if not words or word.at < words[0].at] + words
    return words + [word for word in _shown_by_row(crm, deal_id, field) if words and words[-1].at <= word.at]


def _logged(crm: Crm, deal_id: str, field: str) -> list[Word]:
    read = _reader(crm, field)
    events = [event for event in crm.events.get(deal_id, []) if event.field in COLUMNS[field]]
    return [Word(one.at, "logged", read(one.new, one.dates), read(one.old, one.dates)) for one in events]


def _versioned(crm: Crm, deal_id: str, field: str) -> list[Word]:
    read = _reader(crm, field)
    versions = crm.versions.get(deal_id, [])
    return _filled([Word(one.at, "versioned", read(_cell(one.row, field), one.dates)) for one in versions])


def _observed(crm: Crm, deal_id: str, field: str) -> list[Word]:
    record = crm.deals.get(deal_id)
    if record is None:
        return []
    read, dates = _reader(crm, field), record.dates
    shown = record.full_sightings
    return _filled([Word(one.extracted_at, "observed", read(_cell(one.row, field), dates)) for one in shown])


def _filled(words: list[Word]) -> list[Word]:
    """A shape that never has a value for a field tells nothing of it."""
    return words if any(word.value is not None for word in words) else []


def _shown_by_row(crm: Crm, deal_id: str, field: str) -> list[Word]:
    """The newest row, if the source's rows have the field; a closed deal's one date is no expectation any more.

    Not for owners: a row may name them where the log has their ids.
    """
    record = crm.deals.get(deal_id)
    if record is None or field == "owner" or field not in _fields_of_rows(crm):
        return []
    stage = row_stage(crm, record.row)
    if field == "expected_close_on" and stage and stage.outcome:
        return []
    return [Word(record.extracted_at, "observed", _reader(crm, field)(_cell(record.row, field), record.dates))]


@cache
def _fields_of_rows(crm: Crm) -> frozenset[str]:
    rows = [sighting.row for record in crm.deals.values() for sighting in record.sightings]
    return frozenset(field for field in COLUMNS if any(_cell(row, field) for row in rows))


def _cell(row: Row, field: str) -> str | None:
    return next((row[column] for column in COLUMNS[field] if row.get(column)), None)


def _reader(crm: Crm, field: str) -> Callable[[str | None, Dates], str | None]:
    """A cell as the published text: money to the cent, an owner's key, an ISO date."""

    def read(text: str | None, dates: Dates) -> str | None:
        if field == "owner":
            return crm.key(text) if text else None
        value = amount(text) if field == "amount" else dates.day(text)
        return None if value is None else str(value)

    return read
