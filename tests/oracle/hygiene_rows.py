"""The hygiene rules about rows (domain.md, Hygiene rules): what could not be read, and what stands there twice."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from .activities import DIRECTIONS
from .configuration import Feed, folded
from .crm import Crm
from .currencies import currency as read_currency
from .currencies import money
from .deals import Deal
from .fields import text_of
from .hygiene import Violation
from .hygiene_activities import concerned
from .landing import KEYS, Delivery, Place, required
from .leads import Lead
from .mapping import Row
from .money import first_day
from .records import log_rows
from .values import Dates, boolean, number
from .words import deal_currency

#: Entities without an id of their own → the column that names what a row is about.
SUBJECTS = {
    "deal_changes": "deal_id",
    "deal_versions": "deal_id",
    "spend": "campaign",
    "revenue": "account_id",
    "exchange_rates": "currency",
}
#: What a change log tells of and what is no text.
TYPED_FIELDS = ("amount", "currency", "expected_close_on", "created_at")


def row_violations(crm: Crm, leads: dict[str, Lead], deals: list[Deal]) -> Iterator[Violation]:
    """What is broken about the rows of a source, each with pipeline and owner of what it is about.

    Of several rows of one event's record the first is shown.
    """
    whose: dict[tuple[str, str], tuple[str | None, str | None]] = {}
    for deal in deals:
        for entity in ("deals", "deal_changes", "deal_versions"):
            whose[entity, deal.id] = deal.pipeline, deal.owner_key
    whose |= {("leads", lead.id): (None, lead.owner_key) for lead in leads.values()}
    whose |= {("activities", activity): of for activity, of in concerned(crm, leads, deals).items()}
    shown = set()
    for rule, entity, record_id, key, observed, allowed in (*_unparseable(crm), *_repeated(crm), *_quarantined(crm)):
        if (rule, key) not in shown:
            shown.add((rule, key))
            of_record = whose.get((entity, record_id or ""), (None, None))
            yield Violation(rule, key, crm.source.name, *of_record, observed, allowed)


#: What the status of a deal may say.
STATUSES = {"open", "won", "lost", "deleted"}
#: Columns of one entity that are read by a list of words: unknown to all feeds, or to the row's own.
DIRECTIONS_KNOWN = {word for words in DIRECTIONS.values() for word in words} | {"internal"}


def _unknown_words(entity: str, row: Row, feed: Feed) -> Iterator[tuple[str, str]]:
    """Columns with a word that no list knows, and the word."""
    statuses = {folded(one) for one in feed.lead_statuses} | feed.converted_lead_statuses | feed.closed_lead_statuses
    for of_entity, column, known in (
        ("deals", "status", STATUSES),
        ("leads", "status", statuses),
        ("activities", "direction", DIRECTIONS_KNOWN),
    ):
        text = row.get(column)
        if of_entity == entity and known and text and folded(text) not in known:
            yield column, text


#: Rule, entity, id, key, observed, allowed.
Broken = tuple[str, str, str | None, str, Any, Any]


def _unparseable(crm: Crm) -> Iterator[Broken]:
    for records, entity in ((crm.deals, "deals"), (crm.leads, "leads"), (crm.activities, "activities")):
        for record in records.values():
            for column, word in _unknown_words(entity, record.row, record.feed):
                yield "unparseable_value", entity, record.id, _key(crm, entity, record.id, None, column), word, column
    for entity, record_id, place, row, dates in _rows_that_count(crm):
        for column, text in row.items():
            cell = _unreadable(crm, entity, column, text, row, dates) if text else None
            if cell:
                name = str(row["field"] if column == "new_value" else column)
                yield "unparseable_value", entity, record_id, _key(crm, entity, record_id, place, name), cell, name


def _rows_that_count(crm: Crm) -> Iterator[tuple[str, str | None, Place | None, Row, Dates]]:
    """The newest row of each record, and every row of logs with its place."""
    of_entity = {"deals": crm.deals, "leads": crm.leads, "activities": crm.activities}
    for entity, records in (of_entity | {"owners": crm.owners, "accounts": crm.accounts}).items():
        for record in records.values():
            yield entity, record.id, None, record.row, record.dates
    for entity, subject in SUBJECTS.items():
        for delivery, index, row in log_rows(entity, crm.deliveries):
            if _unusable(crm, delivery, row) is None:
                yield entity, row.get(subject), delivery.places[index], row, crm.dates(delivery)


def _key(crm: Crm, entity: str, record_id: str | None, place: Place | None, column: str) -> str:
    """By the record's id, else by the file and the row's number there."""
    return (
        f"{place.sha256}:{place.number}" if place and record_id is None else crm.key(f"{entity}:{record_id}:{column}")
    )


def _unreadable(crm: Crm, entity: str, column: str, text: str, row: Row, dates: Dates) -> str | None:
    """What stands in a cell that is not what the column is."""
    currency = crm.source.currency
    if column in crm.config.fields_of(entity):
        told = deal_currency(crm, row) if entity == "deals" else currency
        return text if text_of(crm.config.fields_of(entity)[column], text, dates, told) is None else None
    if column == "new_value":
        field = (row["field"] or "").casefold()
        if field in crm.config.fields_of("deals"):
            return text if text_of(crm.config.fields_of("deals")[field], text, dates, currency) is None else None
        if field == "status":
            return None if text.casefold() in STATUSES else text
        return text if field in TYPED_FIELDS and _value(field, text, {}, dates, currency) is None else None
    if column == "stage_dates":
        cells = [cell for *_, cell in json.loads(text) if dates.moment(cell) is None]
        return min(cells, default=None)
    return text if _value(column, text, row, dates, currency) is None else None


def _value(column: str, text: str, row: Row, dates: Dates, currency: str) -> Any:
    """A cell as its column's name says what it is; a month is read as a day; `currency` is the source's."""
    if column == "amount":
        return money(text, row.get("currency"), currency)
    if column == "currency" and "rate" not in row:
        return read_currency(text, currency)
    if column == "rate_on":
        return first_day(text, dates)
    if column.endswith("_at"):
        return dates.moment(text)
    if column.endswith(("_on", "_from", "_to", "_until")):
        return dates.day(text) or dates.day(f"{text}-01")
    if column.startswith("is_"):
        return boolean(text)
    return {"rate": number}.get(column, str)(text)


def _unusable(crm: Crm, delivery: Delivery, row: Row) -> str | None:
    """The required column, if any, in which nobody can read what stands there."""
    dates = crm.dates(delivery)
    if delivery.feed.entity == "revenue":
        on, start, end = (dates.day(row.get(column)) for column in ("revenue_on", "service_from", "service_to"))
        if not on and not (start and end and start <= end):
            return "revenue_on"
    columns = required(crm.source, delivery.feed)
    currency = crm.source.currency
    return next((one for one in columns if _value(one, str(row[one]), row, dates, currency) is None), None)


def _repeated(crm: Crm) -> Iterator[Broken]:
    """The same id more than once, with different contents, in the newest delivery that has it."""
    newest: dict[tuple[str, str], tuple[Delivery, list[Row]]] = {}
    for delivery in sorted(crm.deliveries, key=lambda one: one.extracted_at):
        entity = delivery.feed.entity
        by_id: dict[str, list[Row]] = defaultdict(list)
        for row in delivery.rows if entity in KEYS else ():
            by_id[str(row[KEYS[entity]])].append(row)
        for record_id, rows in by_id.items():
            newest[entity, record_id] = delivery, rows
    for (entity, record_id), (_, rows) in newest.items():
        if any(row != rows[0] for row in rows):
            key = crm.key(f"{entity}:{record_id}:{KEYS[entity]}")
            yield "duplicate_key", entity, record_id, key, len(rows), 1


def _quarantined(crm: Crm) -> Iterator[Broken]:
    """Rows without a usable required value that no later full extract and no later row of theirs replaced."""
    newest = {delivery.feed.name: delivery for delivery in crm.deliveries}
    for delivery in crm.deliveries:
        if not delivery.feed.incremental and delivery is not newest[delivery.feed.name]:
            continue
        for place, row, column in rows_in_quarantine(crm, delivery):
            entity = delivery.feed.entity
            record_id = row.get(KEYS.get(entity) or SUBJECTS[entity])
            if record_id and entity in KEYS and _came_later(crm, delivery, record_id):
                continue
            yield "missing_key", entity, record_id, _key(crm, entity, record_id, place, column), row.get(column), column


def rows_in_quarantine(crm: Crm, delivery: Delivery) -> Iterator[tuple[Place, Row, str]]:
    """Loaded rows that lack something required, or have it unreadable, and the column."""
    yield from delivery.quarantined
    for place, row in zip(delivery.places, delivery.rows, strict=True):
        column = _unusable(crm, delivery, row)
        if column:
            yield place, row, column


def _came_later(crm: Crm, delivery: Delivery, record_id: str) -> bool:
    """Whether a later delivery has a good row of the record."""
    key = KEYS[delivery.feed.entity]
    return any(
        row[key] == record_id
        for one in crm.deliveries
        if one.feed.entity == delivery.feed.entity and one.extracted_at > delivery.extracted_at
        for row in one.rows
    )
