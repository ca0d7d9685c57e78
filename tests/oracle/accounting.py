"""`deliveries` and `row_accounting`: what became of every row of every file (contract.md, schema quality)."""

from __future__ import annotations

from collections import Counter
from typing import Any

from .crm import Crm
from .hygiene_rows import rows_in_quarantine
from .landing import KEYS, Delivery
from .records import log_rows

Rows = list[dict[str, Any]]


def file_rows(crm: Crm) -> Rows:
    """One row per file of the deliveries that were loaded: rows = rejected + current + superseded + quarantined."""
    current = _current(crm)
    newest = {one.feed.name: one for one in crm.deliveries}
    rows = []
    for delivery in crm.deliveries:
        quarantined: Counter[str] = Counter()
        if delivery.feed.incremental or delivery is newest[delivery.feed.name]:
            quarantined.update(place.sha256 for place, *_ in rows_in_quarantine(crm, delivery))
        for sha256 in delivery.files:
            in_file, rejected = delivery.rows_in_file[sha256], delivery.rejected_in_file[sha256]
            loaded = in_file - rejected
            count = current[id(delivery), sha256]
            rows.append(
                {
                    "source": crm.source.name,
                    "feed": delivery.feed.name,
                    "entity": delivery.feed.entity,
                    "sha256": sha256,
                    "extracted_at": delivery.extracted_at,
                    "state": "loaded",
                    "rows_in_file": in_file,
                    "rows_rejected": rejected,
                    "rows_loaded": loaded,
                    "rows_forgotten": 0,
                    "current_rows": count,
                    "superseded": loaded - count - quarantined[sha256],
                    "quarantined": quarantined[sha256],
                    "balance": 0,
                }
            )
    return rows


def _current(crm: Crm) -> Counter[tuple[int, str]]:
    """Delivery and file → rows that count for their record, or events that count."""
    counts: Counter[tuple[int, str]] = Counter()
    for entity, key in KEYS.items():
        newest: dict[str, tuple[Delivery, int]] = {}
        for delivery in sorted(crm.deliveries, key=lambda one: one.extracted_at):
            if delivery.feed.entity == entity:
                newest |= {str(row[key]): (delivery, place) for place, row in enumerate(delivery.rows)}
        counts.update((id(delivery), delivery.places[place].sha256) for delivery, place in newest.values())
    for entity in ("deal_changes", "deal_versions", "spend", "revenue", "exchange_rates"):
        counts.update(_current_events(crm, entity))
    return counts


def _current_events(crm: Crm, entity: str) -> Counter[tuple[int, str]]:
    unusable = {
        (id(delivery), place)
        for delivery in crm.deliveries
        if delivery.feed.entity == entity
        for place, *_ in rows_in_quarantine(crm, delivery)
    }
    told: dict[object, tuple[Delivery, str]] = {}
    for delivery, index, row in log_rows(entity, crm.deliveries):
        place = delivery.places[index]
        if (id(delivery), place) in unusable:
            continue
        same = crm.same_event(entity, delivery, index, row)
        if entity == "deal_versions" or same not in told:
            told[same] = (delivery, place.sha256)
    return Counter((id(delivery), sha256) for delivery, sha256 in told.values())
