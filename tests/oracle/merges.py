"""Merged records, and cells that hold several ids (domain.md, History: deleted and merged records)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from .configuration import Feed
from .mapping import Row
from .records import Record


def ids_in(cell: str | None, feed: Feed) -> list[str]:
    """The ids of one cell, in its order; without a configured separator the cell is one id."""
    if not cell:
        return []
    parts = cell.split(feed.id_separator) if feed.id_separator else [cell]
    return list(dict.fromkeys(part.strip() for part in parts if part.strip()))


class Merges:
    """Which records of an entity were merged into which, as their newest rows say."""

    def __init__(self, records: dict[str, Record]) -> None:
        self._into: dict[str, str] = {}
        self.merged_at: dict[str, datetime] = {}
        for survivor in records.values():
            for merged_id in ids_in(survivor.row.get("merged_ids"), survivor.feed):
                self._add(merged_id, survivor.id, survivor.first_shown(_lists(merged_id, survivor.feed)))
        for record in records.values():
            survivor_id = record.row.get("merged_into_id")
            if survivor_id:
                self._add(record.id, survivor_id, record.first_shown(_names(survivor_id)))

    def _add(self, merged_id: str, survivor_id: str, at: datetime) -> None:
        if merged_id != survivor_id:
            self._into[merged_id] = survivor_id
            self.merged_at[merged_id] = min(at, self.merged_at.get(merged_id, at))

    def swallowed_by(self, record_id: str) -> list[str]:
        """The records that were merged into this one itself."""
        return [merged for merged, into in self._into.items() if into == record_id]

    def survivor(self, record_id: str) -> str:
        """The record that is left of it, after however many merges."""
        seen = {record_id}
        while record_id in self._into and self._into[record_id] not in seen:
            record_id = self._into[record_id]
            seen.add(record_id)
        return record_id

    def survivors(self, cell: str | None, feed: Feed) -> list[str]:
        """What is left of the records that a cell names."""
        return list(dict.fromkeys(self.survivor(one) for one in ids_in(cell, feed)))


def _lists(merged_id: str, feed: Feed) -> Callable[[Row], bool]:
    return lambda row: merged_id in ids_in(row.get("merged_ids"), feed)


def _names(survivor_id: str) -> Callable[[Row], bool]:
    return lambda row: row.get("merged_into_id") == survivor_id
