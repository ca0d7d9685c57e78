"""The hygiene rules about rows (domain.md, Hygiene rules): what could not be read, and what stands there twice."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from .crm import Crm
from .hygiene import Violation
from .landing import KEYS, Delivery, Place, Row, required
from .records import log_rows
from .values import Dates, amount, boolean, number

#: Entities without an id of their own → the column that names what a row is about.
SUBJECTS = {
    "deal_changes": "deal_id",
    "deal_versions": "deal_id",
    "spend": "campaign",
    "revenue": "account_id",
    "exchange_rates": "currency",
}
#: What a change log tells of and what is no text.
TYPED_FIELDS = ("amount", "expected_close_on", "created_at")


def row_violations(crm: Crm) -> Iterator[Violation]:
    """What is broken about the rows of a source."""
    found: dict[tuple[str, str], Violation] = {}
    for rule, record_key, observed, allowed in (*_unparseable(crm), *_repeated(crm), *_quarantined(crm)):
        same = (rule, record_key)
        if same not in found or str(observed) < str(found[same].observed):
            found[same] = Violation(rule, record_key, crm.source.name, None, None, observed, allowed)
    yield from found.values()


Broken = tuple[str, str, Any, Any]


def _unparseable(crm: Crm) -> Iterator[Broken]:
    for entity, record_id, row, dates in _rows_that_count(crm):
        for column, text in row.items():
            cell = _unreadable(column, text, row, dates) if text else None
            if cell:
                name = row["field"] if column == "new_value" else column
                yield "unparseable_value", crm.key(f"{entity}:{record_id}:{name}"), cell, name


def _rows_that_count(crm: Crm) -> Iterator[tuple[str, str, Row, Dates]]:
    """The newest row of each record, and every row of logs."""
    of_entity = {"deals": crm.deals, "leads": crm.leads, "activities": crm.activities}
    for entity, records in (of_entity | {"owners": crm.owners, "accounts": crm.accounts}).items():
        for record in records.values():
            yield entity, record.id, record.row, record.dates
    for entity, subject in SUBJECTS.items():
        for delivery, _, row in log_rows(entity, crm.deliveries):
            if _unusable(crm, delivery, row) is None:
                yield entity, row.get(subject) or "", row, crm.dates(delivery)


def _unreadable(column: str, text: str, row: Row, dates: Dates) -> str | None:
    """What stands in a cell that is not what the column is."""
    if column == "new_value":
        field = (row["field"] or "").casefold()
        return text if field in TYPED_FIELDS and _value(field, text, dates) is None else None
    if column == "stage_dates":
        cells = [cell for *_, cell in json.loads(text) if dates.moment(cell) is None]
        return min(cells, default=None)
    return text if _value(column, text, dates) is None else None


def _value(column: str, text: str, dates: Dates) -> Any:
    """A cell as its column's name says what it is; a month is read as a day."""
    if column.endswith("_at"):
        return dates.moment(text)
    if column.endswith(("_on", "_from", "_to")):
        return dates.day(text) or dates.day(f"{text}-01")
    if column.startswith("is_"):
        return boolean(text)
    return {"amount": amount, "rate": number}.get(column, str)(text)


def _unusable(crm: Crm, delivery: Delivery, row: Row) -> str | None:
    """The required column, if any, in which nobody can read what stands there."""
    dates = crm.dates(delivery)
    if delivery.feed.entity == "revenue":
        on, start, end = (dates.day(row.get(column)) for column in ("revenue_on", "service_from", "service_to"))
        if not on and not (start and end and start <= end):
            return "revenue_on"
    columns = required(crm.source, delivery.feed)
    return next((one for one in columns if _value(one, str(row[one]), dates) is None), None)


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
            yield "duplicate_key", crm.key(f"{entity}:{record_id}:{KEYS[entity]}"), len(rows), 1


def _quarantined(crm: Crm) -> Iterator[Broken]:
    """Rows without a usable required value that no later full extract and no later row of theirs replaced."""
    newest = {delivery.feed.name: delivery for delivery in crm.deliveries}
    for delivery in crm.deliveries:
        if not delivery.feed.incremental and delivery is not newest[delivery.feed.name]:
            continue
        for place, row, column in _rows_in_quarantine(crm, delivery):
            entity = delivery.feed.entity
            record_id = row.get(KEYS.get(entity) or SUBJECTS[entity])
            if record_id is None:
                key = f"{place.sha256}:{place.number}"
            elif entity in KEYS and _came_later(crm, delivery, record_id):
                continue
            else:
                key = crm.key(f"{entity}:{record_id}:{column}")
            yield "missing_key", key, row.get(column), column


def _rows_in_quarantine(crm: Crm, delivery: Delivery) -> Iterator[tuple[Place, Row, str]]:
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
