"""Deliveries to records: what each id looks like now, and how it looked before (domain.md, History, As-of).

Full extract: the newest delivery's rows count, and a record gone from it is deleted. Incremental: the newest
row of each id. The same id twice in one delivery: the last row counts. One that comes back was never deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile

from .configuration import Feed
from .landing import KEYS, Delivery
from .mapping import Row
from .values import Dates, boolean


@dataclass
class Sighting:
    """One delivery's row of a record."""

    extracted_at: datetime
    row: Row
    feed: Feed


@dataclass
class Record:
    """A record as it stands, with every earlier row of it."""

    id: str
    feed: Feed
    dates: Dates
    sightings: list[Sighting] = field(default_factory=list)
    deleted_at: datetime | None = None

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
        return self.deleted_at is not None

    @property
    def full_sightings(self) -> list[Sighting]:
        """The rows of full extracts: what stands in one delivery and in the next can be compared."""
        return [sighting for sighting in self.sightings if not sighting.feed.incremental]

    def first_shown(self, is_so: Callable[[Row], bool]) -> datetime:
        """The extract time of the delivery that first shows what the newest row still shows."""
        first = self.extracted_at
        for sighting in reversed(self.sightings):
            if not is_so(sighting.row):
                break
            first = sighting.extracted_at
        return first

    def flag(self, column: str) -> bool | None:
        """A yes or no of the newest row."""
        return boolean(self.row.get(column))

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
                record.sightings.append(Sighting(delivery.extracted_at, row, delivery.feed))
                record.feed, record.dates = delivery.feed, dates_of(delivery)
    standing = {id(delivery): _standing(delivery, key) for of_feed in by_feed.values() for delivery in of_feed}
    is_flagged = is_flagged_deal if entity == "deals" else _is_flagged
    for record in records.values():
        record.sightings.sort(key=lambda sighting: sighting.extracted_at)
        record.deleted_at = _deleted_at(record, by_feed, standing, is_flagged)
    return records


def _is_flagged(row: Row) -> bool:
    return bool(boolean(row.get("is_deleted")))


def is_flagged_deal(row: Row) -> bool:
    """Whether a row calls its deal deleted, by flag or status."""
    return _is_flagged(row) or (row.get("status") or "").casefold() == "deleted"


def _standing(delivery: Delivery, key: str) -> set[str]:
    """The ids in a delivery, those of quarantined rows included."""
    return {str(row[key]) for row in delivery.rows} | delivery.quarantined_ids


def _deleted_at(
    record: Record,
    by_feed: dict[str, list[Delivery]],
    standing: dict[int, set[str]],
    is_flagged: Callable[[Row], bool],
) -> datetime | None:
    """Since when the newest row is flagged without a break, else since when the record is gone from every feed.

    A delivery with rejected rows does not prove that anything is gone.
    """
    if is_flagged(record.row):
        return record.first_shown(is_flagged)
    gone_at: list[datetime] = []
    for of_feed in by_feed.values():
        without = list(takewhile(lambda one: record.id not in standing[id(one)], reversed(of_feed)))
        was_there = len(without) < len(of_feed)
        proving = [one for one in without if not one.rejected]
        if was_there and (not proving or of_feed[-1].feed.incremental):
            return None
        if was_there:
            gone_at.append(proving[-1].extracted_at)
    return max(gone_at)


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
