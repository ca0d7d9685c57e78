"""Deliveries to records: what each id looks like now, and how it looked before (domain.md, History, As-of).

Full extract: the newest delivery's rows count, and a record gone from it is deleted. Incremental: the newest
row of each id. The same id twice in one delivery: the last row counts. One that comes back was never deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from .configuration import Feed
from .landing import KEYS, Delivery, Row
from .values import Dates, boolean


@dataclass
class Sighting:
    """One delivery's row of a record."""

    extracted_at: datetime
    row: Row


@dataclass
class Record:
    """A record as it stands, with every earlier row of it."""

    id: str
    feed: Feed
    dates: Dates
    sightings: list[Sighting] = field(default_factory=list)
    is_gone: bool = True

    @property
    def row(self) -> Row:
        """The newest delivered row."""
        return self.sightings[-1].row

    @property
    def extracted_at(self) -> datetime:
        """When the newest row was extracted."""
        return self.sightings[-1].extracted_at

    @property
    def first_delivered_at(self) -> datetime:
        """When the record was first seen."""
        return self.sightings[0].extracted_at

    @property
    def is_deleted(self) -> bool:
        """Flagged, or gone from a later full extract."""
        return self.is_gone or bool(boolean(self.row.get("is_deleted")))

    def first_shown(self, is_so: Callable[[Row], bool]) -> datetime:
        """The extract time of the delivery that first shows what the newest row still shows."""
        first = self.extracted_at
        for sighting in reversed(self.sightings):
            if not is_so(sighting.row):
                break
            first = sighting.extracted_at
        return first

    def moment(self, column: str) -> datetime | None:
        """An `_at` column of the newest row."""
        return self.dates.moment(self.row.get(column))


def records_of(entity: str, deliveries: Iterable[Delivery], dates_of: Callable[[Delivery], Dates]) -> dict[str, Record]:
    """The records of a source's entity by id."""
    key = KEYS[entity]
    by_feed: dict[str, list[Delivery]] = {}
    for delivery in deliveries:
        if delivery.feed.entity == entity:
            by_feed.setdefault(delivery.feed.name, []).append(delivery)
    records: dict[str, Record] = {}
    for of_feed in by_feed.values():
        for delivery in of_feed:
            for record_id, row in {str(row[key]): row for row in delivery.rows}.items():
                record = records.setdefault(record_id, Record(record_id, delivery.feed, dates_of(delivery)))
                record.sightings.append(Sighting(delivery.extracted_at, row))
                record.feed, record.dates = delivery.feed, dates_of(delivery)
    present = set().union(*(_present_ids(of_feed, key) for of_feed in by_feed.values()))
    for record in records.values():
        record.sightings.sort(key=lambda sighting: sighting.extracted_at)
        record.is_gone = record.id not in present
    return records


def _present_ids(of_feed: list[Delivery], key: str) -> set[str]:
    """Full: the ids of the newest delivery, quarantined ones included; incremental: all ever delivered."""
    counted = of_feed if of_feed[-1].feed.incremental else of_feed[-1:]
    good = {str(row[key]) for delivery in counted for row in delivery.rows}
    return good.union(*(delivery.quarantined_ids for delivery in counted))


def log_rows(entity: str, deliveries: Iterable[Delivery]) -> list[tuple[Delivery, int, Row]]:
    """Rows of a change log: full, the newest delivery's; incremental, all, the earliest of equal ones.

    The number is the row's place in its delivery, by which ties in time are ordered.
    """
    of_entity = [delivery for delivery in deliveries if delivery.feed.entity == entity]
    newest = {delivery.feed.name: delivery for delivery in of_entity}
    return [
        (delivery, place, row)
        for delivery in of_entity
        if delivery.feed.incremental or delivery is newest[delivery.feed.name]
        for place, row in enumerate(delivery.rows)
    ]
