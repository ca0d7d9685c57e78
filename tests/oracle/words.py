"""What witnesses say of a deal's amount, owner and expected close date, and where they change (domain.md, History)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import pairwise

from .crm import Crm
from .currencies import UNREADABLE, currency, money
from .fields import text_of
from .mapping import Row
from .rows import row_stage
from .values import Dates


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
#: What an amount is in: no field of its own in what is published of changes.
CURRENCY = "currency"


def field_changes(crm: Crm, deal_id: str, field: str) -> list[Change]:
    """The changes of one of the fields in COLUMNS, of the currency, or of a configured field, in order of time."""
    return list(_changed(field, _words(crm, deal_id, field)))


def shown_now(crm: Crm, deal_id: str, field: str) -> str | None:
    """What a field holds now: as the newest row shows it, else the last word of history."""
    record = crm.deals.get(deal_id)
    if record:
        return shown_in(crm, field, record.row, record.dates)
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
    if field == CURRENCY:
        return list(_logged_currencies(crm, deal_id))
    events = [event for event in crm.events.get(deal_id, []) if event.field in _columns(field)]
    texts = [(one, _read(crm, field, one.new, one.dates), _read(crm, field, one.old, one.dates)) for one in events]
    return [Word(one.at, "logged", new, old) for one, new, old in texts]


def _logged_currencies(crm: Crm, deal_id: str) -> Iterator[Word]:
    """What the log says of the currency; where it and the rows never do, what its amounts name."""
    events = crm.events.get(deal_id, [])
    told = [event for event in events if event.field == CURRENCY]
    for event in told:
        yield Word(event.at, "logged", told_currency(crm, event.new), told_currency(crm, event.old))
    record = crm.deals.get(deal_id)
    if told or (record and record.row.get(CURRENCY)):
        return
    for event in (event for event in events if event.field == "amount"):
        new, old = (money(text, None, crm.source.currency) for text in (event.new, event.old))
        if new and new.currency:
            yield Word(event.at, "logged", new.currency, old.currency if old else None)


def _versioned(crm: Crm, deal_id: str, field: str) -> list[Word]:
    versions = crm.versions.get(deal_id, [])
    return _filled([Word(one.at, "versioned", shown_in(crm, field, one.row, one.dates)) for one in versions])


def _observed(crm: Crm, deal_id: str, field: str) -> list[Word]:
    record = crm.deals.get(deal_id)
    if record is None:
        return []
    shown = record.full_sightings
    return _filled([Word(one.extracted_at, "observed", shown_in(crm, field, one.row, record.dates)) for one in shown])


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
    return [Word(record.extracted_at, "observed", shown_in(crm, field, record.row, record.dates))]


@cache
def _fields_of_rows(crm: Crm) -> frozenset[str]:
    rows = [sighting.row for record in crm.deals.values() for sighting in record.sightings]
    fields = [*COLUMNS, *crm.config.fields_of("deals")]
    shown = [field for field in fields if any(_cell(row, field) for row in rows)]
    return frozenset(shown + ([CURRENCY] if any(named_currency(crm, row) for row in rows) else []))


def _cell(row: Row, field: str) -> str | None:
    return next((row[column] for column in _columns(field) if row.get(column)), None)


def _columns(field: str) -> tuple[str, ...]:
    return COLUMNS.get(field, (field,))


def shown_in(crm: Crm, field: str, row: Row, dates: Dates) -> str | None:
    """What a row shows, as the published text."""
    if field == CURRENCY:
        return named_currency(crm, row)
    if field in crm.config.fields_of("deals"):
        return text_of(crm.config.fields_of("deals")[field], _cell(row, field), dates, deal_currency(crm, row))
    return _read(crm, field, _cell(row, field), dates, row.get(CURRENCY))


def deal_currency(crm: Crm, row: Row) -> str:
    """What a deal's amounts are in, as its row says."""
    return named_currency(crm, row) or crm.source.currency


def named_currency(crm: Crm, row: Row) -> str | None:
    """The currency of a row's amount, by its own column, else by the amount's cell."""
    shown = money(row.get("amount"), row.get(CURRENCY), crm.source.currency)
    told = told_currency(crm, row.get(CURRENCY))
    return shown.currency if shown and shown.currency and told in (None, UNREADABLE) else told


def told_currency(crm: Crm, text: str | None) -> str | None:
    """What a cell of a currency's own column says; of one that nobody can read, that it is no known one."""
    return (currency(text, crm.source.currency) or UNREADABLE) if text else None


def _read(crm: Crm, field: str, text: str | None, dates: Dates, currency: str | None = None) -> str | None:
    """A cell as the published text: money to the cent, an owner's key, an ISO date."""
    if field == "owner":
        return crm.key(text) if text else None
    if field not in COLUMNS:
        return text_of(crm.config.fields_of("deals")[field], text, dates, crm.source.currency)
    if field == "amount":
        shown = money(text, currency, crm.source.currency)
        return str(shown.amount) if shown else None
    day = dates.day(text)
    return str(day) if day else None
