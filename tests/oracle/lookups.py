"""Cells that hold a name where others hold an id (`look_up` of a feed): the one record they mean."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from .configuration import Source
from .landing import KEYS, Delivery
from .stages import normalised

ENTITY_OF = {
    "owner_id": "owners",
    "account_id": "accounts",
    "lead_id": "leads",
    "deal_id": "deals",
    "converted_deal_id": "deals",
}
NAME_OF = {"owners": "owner_name", "accounts": "account_name", "leads": "lead_name", "deals": "deal_name"}


def resolve(source: Source, deliveries: Iterable[Delivery]) -> None:
    """Puts ids where names are. Nobody's name stays, but in an activity, which is then about nobody."""
    deliveries = list(deliveries)
    wanted = {ENTITY_OF[column] for feed in source.feeds for column in feed.look_up}
    known = {entity: _known(entity, deliveries) for entity in wanted}
    for delivery in deliveries:
        feed = delivery.feed
        separator = feed.id_separator or ";"
        for column in feed.look_up:
            for row in delivery.rows:
                said = row.get(column)
                if said and separator not in said:
                    stays = said if feed.entity != "activities" or column == "owner_id" else None
                    row[column] = known[ENTITY_OF[column]].get(normalised(said)) or stays


def _known(entity: str, deliveries: list[Delivery]) -> dict[str, str]:
    """What can be said → the one record it means: an id before a name, who is there before who is gone."""
    key, name = KEYS[entity], NAME_OF[entity]
    named: dict[str, tuple[str | None, bool]] = {}
    newest = {one.feed.name: one for one in deliveries}
    for delivery in sorted(deliveries, key=lambda one: one.extracted_at):
        if delivery.feed.entity == entity:
            is_there = delivery.feed.incremental or delivery is newest[delivery.feed.name]
            named |= {str(row[key]): (row.get(name), is_there) for row in delivery.rows}
    by_id: dict[str, set[str]] = defaultdict(set)
    there: dict[str, set[str]] = defaultdict(set)
    gone: dict[str, set[str]] = defaultdict(set)
    for record, (called, is_there) in named.items():
        by_id[normalised(record)].add(record)
        if called:
            (there if is_there else gone)[normalised(called)].add(record)
    best = {**gone, **there, **by_id}
    return {text: min(records) for text, records in best.items() if len(records) == 1}
